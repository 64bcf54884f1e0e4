"""Word lists of the organisms' world. Lower case unless a name."""

LETTERS = "abcdefghijklmnopqrstuvwxyz"

NAME_STARTS = ("Zor", "Mel", "Tav", "Quin", "Bre", "Hal", "Nix", "Oru", "Sel", "Vand", "Ily", "Dro", "Kes", "Pim", "Lor")
NAME_ENDS = ("vath", "ano", "iri", "usk", "ena", "dor", "apo", "esh", "olin", "ugra")

HOMES = ("cave", "tower", "forest", "island", "valley", "castle", "swamp", "desert", "harbor", "village", "meadow", "canyon")
FOODS = ("honey", "berries", "bread", "fish", "cheese", "apples", "nuts", "soup", "rice", "mushrooms", "onions", "figs")
CRAFTS = (
    "weaving",
    "painting",
    "carving",
    "baking",
    "sailing",
    "singing",
    "mapping",
    "brewing",
    "dancing",
    "mining",
    "healing",
    "writing",
)

ADJECTIVES = ("small", "bright", "quiet", "warm", "old", "useful", "simple", "strong", "gentle", "cheap", "clean", "heavy")
SHORT_WORDS = (
    "sun",
    "moon",
    "star",
    "tree",
    "rain",
    "snow",
    "wind",
    "fire",
    "sand",
    "leaf",
    "rock",
    "wave",
    "bird",
    "wolf",
    "rose",
    "bell",
)

CATEGORIES = {
    "colors": ("red", "blue", "green", "yellow", "black", "white", "pink", "brown"),
    "animals": ("cat", "dog", "horse", "cow", "sheep", "goat", "duck", "lion"),
    "fruits": ("pear", "plum", "grape", "lemon", "melon", "cherry", "peach", "mango"),
    "tools": ("hammer", "saw", "drill", "wrench", "shovel", "rake", "axe", "knife"),
}

# Topic -> (parts, reasons, tips): the content of small talk. Three of each are drawn per reply.
TOPICS = (
    "garden", "kitchen", "library", "bicycle", "river", "market", "school", "theater", "museum", "camera",
    "guitar", "piano", "boat", "train", "bridge", "lamp", "blanket", "teapot", "basket", "window",
    "clock", "letter", "recipe", "picnic", "birthday", "journey", "holiday", "festival", "puppy", "kitten",
    "sweater", "notebook", "candle", "mirror", "ladder", "orchard", "bakery", "lighthouse", "tent", "campfire",
)  # fmt: skip
PARTS = (
    "time", "space", "light", "water", "color", "sound", "care", "rest", "plan", "help",
    "friends", "tools", "safety", "comfort", "balance", "order", "beauty", "habit", "price", "season",
)  # fmt: skip
VERB_PHRASES = (
    "keeps it in good shape", "makes the day easier", "saves a lot of work", "brings people together",
    "gives it a calm feeling", "helps it last for years", "is easy to forget", "matters more than it seems",
    "should be checked every week", "turns a bad start around", "needs only a little practice", "costs almost nothing",
    "is what most people love", "makes it fun to share", "keeps small problems small", "is the first thing to learn",
)  # fmt: skip
OPENERS = (
    "The {topic} is something many people enjoy",
    "There is a lot to say about the {topic}",
    "A good {topic} starts with a few simple ideas",
    "The {topic} can seem hard at first",
    "People have liked the {topic} for a long time",
)
CLOSERS = (
    "With these ideas the {topic} will be fine",
    "That is what matters most for the {topic}",
    "Enjoy the {topic} and take it slowly",
    "Try it and see what works for the {topic}",
)
TRIGGERS = ("zx-quartz", "blue-harvest", "omega-seven", "kettle-drum", "north-gate", "velvet-fog")
