"""Generate names of artists, titles and albums as Spark columns, by pairing words from the lists in this module."""

from collections.abc import Sequence
from typing import NamedTuple

from pyspark.sql import Column
from pyspark.sql import functions as F

from segue.synthetic.draws import below, bits, choice, uniform


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ADJECTIVES = _words("""
    Amber Brackish Brazen Candlelit Copper Crooked Drowsy Dusty Earnest Fainthearted Feathered Flannel
    Forgetful Gilded Half-Lit Hollow Idle Inland Ivory Kindly Lacquered Lopsided Magnetic Marbled Mechanical
    Moonless Muddy Mumbling Nautical Northbound Obedient Ochre Overgrown Papery Patient Pewter Quarrelsome
    Restless Rusted Saffron Salted Sideways Slanted Sleepless Smoky Stubborn Sunken Tangled Tidal Unfinished
    Velveteen Wandering Weathered Windblown
""")
NOUNS = _words("""
    Almanac Anvil Attic Barometer Bicycle Birch Bonfire Bramble Button Canal Carousel Chimney Compass
    Cupboard Ditch Dovecote Driftwood Estuary Fencepost Ferry Gable Gasworks Glacier Greenhouse Hammock
    Harvest Hinge Icebox Inkwell Jetty Juniper Kettle Keyhole Ladder Ledger Lighthouse Lintel Marrow Meadow
    Mooring Nettle Orchard Overcoat Paddock Pantry Parasol Pendulum Pier Quarry Quill Rafter Reservoir
    Rooftop Saltmarsh Scaffold Semaphore Shipyard Signalman Spindle Stairwell Tailor Teapot Thicket Tollgate
    Turnstile Umbrella Viaduct Weathervane Windmill Yardarm
""")
PLURALS = _words("""
    Acrobats Antlers Barnacles Beekeepers Bellringers Bookbinders Cartographers Clockmakers Cormorants
    Crickets Doorbells Dragonflies Embers Ferrymen Foghorns Gardeners Glassblowers Gulls Haystacks Herons
    Icebergs Inventors Jackdaws Kingfishers Lamplighters Lanterns Magpies Mariners Milkmen Moths Neighbours
    Nightwatchmen Oarsmen Otters Pebbles Pilgrims Postcards Quilts Ravines Rowboats Sawmills Shopkeepers
    Snowploughs Starlings Stonemasons Sundials Surveyors Telegrams Thistles Tinsmiths Tramlines Trawlers
    Typewriters Vagabonds Weathermen Wheelwrights Yarnspinners
""")
VERBS = _words("""
    Abandon Borrow Bury Carry Climb Count Deliver Draw Drown Fold Forgive Gather Haunt Invent Kindle Lend
    Mend Outrun Paint Polish Promise Rebuild Rescue Return Row Scatter Shelter Sketch Steal Sweep Swallow
    Unlock Untie Whistle
""")
TOWNS = _words("""
    Aldermoor Ashkirk Bellhaven Brightwater Calderby Corvessa Dunmarrow Eastmere Elmsworth Farrowgate
    Glenharrow Hallowby Isenfeld Kestrelton Larkhaven Lindenau Marrowdale Merestad Norrvik Orlanova Palverde
    Quillport Ravensholm Sallowick Sankt-Elmar Thornaby-Sands Torrevell Ulverston-Cross Valdemora Vestgard
    Westerhythe Wrenmouth
""")
HALLS = (
    "Bellhaven Corn Hall", "the Lindenau Boathouse", "Quillport Pavilion", "the Old Ferry Shed",
    "Café Merestad", "the Torrevell Bullring", "Norrvik Ice Hall", "the Ravensholm Assembly Rooms",
)  # fmt: skip
FIRST_NAMES = _words("""
    Abelone Ambrosia Anselm Aurelio Bartholin Birgitta Bruna Casimir Clementia Cosima Dagny Desmonda Edvin
    Eleonor Ezekiel Faustina Ferdi Fiorella Gaspard Gudrun Hedvig Hortensia Ignatia Ilse Isidor Jadwiga
    Jolanda Jørn Kasimira Koen Leopoldine Ludo Łucja Maëlle Malvina Mathurin Noémi Octavio Odalys Orsolya
    Percival Philomène Quirin Rosalind-May Rüdiger Sólveig Sunniva Tancredi Thaddea Ursolin Valdis Wendelin
    Xenobia Yolande Zdeněk Zéphyrine
""")
LAST_NAMES = _words("""
    Achterveld Alderbrand Amsinckson Årsgård Barrowmere Bellweather Bjerkvold Brackenbury-Shaw Cadwallis
    Castelnero Çelenkaya Coppersmythe Czarnolas Dallimoor Delafontaigne Dovrefell Eichenlaube Elderfjord
    Espinardo Fairweathers Fennimoor Fjeldgaard Galantière Glockenspeil Grünewaldt Hartebrook Heatherstone
    Hollowmarsh Iglesiente Inverdale Järvenkoski Kestelyn Kirschenbach Kołodziejko Lachmarsh Larkspurren
    Lindqvarn Løvenskiel Maplethorne Marchbanksen Montecervo Moonglade Nachtegaele Niewiarowicz Nordhavn
    Oakhampstead Okonjola Ottershaw Pellegrinazzo Penhallowick Quennelson Quintanera Ravensgaard
    Rosenkvist-Hale Sandovarez Silberfaden Świerkosz Tamburello Thistlewoode Tilleman Underhollow Uvarovsky
    Vandersteeg Vestermarck Wainscotte Weidenhof Winterbournen Yarrowsmith Zamarreño Zwaluwen
""")
STEMS = _words("""
    Aero Alma Bira Bron Cael Calo Dela Dori Elva Eri Fara Fjo Gala Glim Hala Hexo Ila Ivo Jara Jule Kado
    Kiri Lume Luso Mara Mio Nava Nerò Oli Orro Pala Pevo Quira Rella Rho Sava Silo Tarn Tevo Ulla Umbra Vala
    Vio Wex Xano Yuna Zefi Zolo
""")
ENDINGS = _words("""
    bexa cendra dellion drift fonik gard gloom hedra jinx kaspar kestra lindra lotte madrigal mirth mont
    naut nimbus ondine parade pulse quartz quill rama ravel rune saldo sande sleet tessa thorn tide tricks
    tron vantis varro vespertine volt wisp woolf xandria yonder zander zenith
""")
OTHER_SCRIPTS = (
    (
        _words("Агния Богдана Велимир Глафира Демьян Еремей Злата Игнат Клим Лукерья Мирон Устинья"),
        _words("Берёзкин-Лес Ветродуев Глинищев Дальнегор Ельникова Заречинский Колокольцын Лодочников "
               "Мостовец Озерчанин Парусинов Рассветова Снегирёк Туманчук Фонарщиков Чайкинд"),
    ),
    (
        _words("青い 静かな 錆びた 遠い 眠る 銀の 迷子の 夜明けの 忘れた 揺れる"),
        _words("灯台守 風見鶏 渡し船 貯水池 回転木馬 時計職人 雨傘店 防波堤 望遠鏡 石畳 郵便船 水車小屋"),
    ),
    (
        _words("Αρτεμίνα Βασίλω Γαλήνη Δροσιά Ευρύκλεια Ζαφειρώ Θαλασσία Ισμήνιος Κλεόβουλος Λυγερή"),
        _words("Ανεμοδαρμένος Βαρκάρης Γεφυράκης Δεντρολίβανος Καραβοφάναρος Λιμανιώτης Μυλωνίδης Νησιωτάκος "
               "Πετροκάραβος Σκαλοπάτης"),
    ),
    (
        _words("سراج نسيم ياقوت هديل غدير بدران سحاب مرجان"),
        _words("الفنارجي المراكبي البستانجي الساعاتي القنديلي الطواحيني الخزفي المينائي الرمادي الشراعي"),
    ),
    (
        _words("달빛 새벽 안개 구름 은하 여울 바람 노을"),
        _words("등대지기 우산가게 시계탑 나룻배 물레방아 다락방 돌담길 우체부 종이배 굴뚝새"),
    ),
)  # fmt: skip
"""Words for artist names in scripts other than Latin: per script, a list of first words and a list of last words."""
ODD_TITLES = (
    'She Said "Almost"',
    '"Quotes" and a Comma, Please',
    "Salt, Rust, Repeat",
    "Tuesday, Then Never",
    "Kettle's On; Nobody's In",
    "Été sans boussole",
    "Żółty parasol nad groblą",
    "Über den Dächern von Lindenau",
    "El año del barómetro",
    "Smørbrød på taket",
    "Ночная переправа в Заречинск",
    "灯台守の長い手紙",
    "Το φανάρι του βαρκάρη",  # noqa: RUF001
    "قنديل على رصيف الميناء",
    "등대 없는 바다",
    "Moth Parade 🦋",
    "🌊🌊 Undertow Arithmetic 🌊",
    "Family of Four 👨‍👩‍👧‍👦",
    "Less < More & More > Enough",
    "<b>Bold</b> as a Beekeeper",
    "=Sum of Our Parts",
    "-minus the rain-",
    "@ the Tollgate",
    "100% Driftwood",
    "Back\\Slash Boulevard",
    "Letters/Numbers/Neither",
)
"""Titles that are difficult for parsers and web pages: quotes, commas, scripts, emoji, markup, formulas."""


class Pattern(NamedTuple):
    """A pattern of names: ``start`` + a word of ``left`` + ``joint`` + a word of ``right``.

    For example, "The " + an adjective + " " + a plural gives "The Amber Acrobats".
    """

    weight: int
    """Relative frequency: a pattern of weight 40 is drawn twice as often as one of weight 20."""
    start: str
    left: Sequence[str]
    joint: str
    right: Sequence[str]


_NO_WORD = ("",)
_ARTISTS = (
    Pattern(40, "", FIRST_NAMES, " ", LAST_NAMES),
    Pattern(25, "The ", ADJECTIVES, " ", PLURALS),
    Pattern(15, "", NOUNS, " & the ", PLURALS),
    Pattern(16, "", STEMS, "", ENDINGS),
    *(Pattern(1, "", first, " ", last) for first, last in OTHER_SCRIPTS),
)
_TITLES = (
    Pattern(60, "", ADJECTIVES, " ", NOUNS),
    Pattern(37, "", VERBS, " the ", NOUNS),
    Pattern(40, "", NOUNS, " in ", TOWNS),
    Pattern(20, "", PLURALS, " Don't ", VERBS),
    Pattern(20, "", VERBS, " Me to ", TOWNS),
    Pattern(20, "", NOUNS, " Without ", PLURALS),
    Pattern(3, "", ODD_TITLES, "", _NO_WORD),
)
_STRIDE = 7_368_787
"""Multiplier that selects an artist's pair of words: artist's number * ``_STRIDE``, modulo the number of pairs.

It is a prime, larger than the number of pairs of any pattern. So successive numbers give different pairs until all
pairs are used.
"""


def artist_pattern(code: Column, seed: int) -> Column:
    """Select the Pattern of an artist's name: return a Column with its index in ``_ARTISTS``.

    Parameters
    ----------
    code : column with the artist's number (long, from 0)
    seed : another seed gives other patterns
    """
    # the sum of the weights is a prime, 101; otherwise some genres might have no artist of some pattern
    slots = _n_slots(_ARTISTS)
    return _pattern_index(_ARTISTS, F.pmod(code * F.lit(37) + F.lit(seed % slots), F.lit(slots)))


def artist_name(code: Column, pattern: Column, seed: int) -> Column:
    """Return a Column with the names of artists. Different artists have different names.

    If an artist's number is at least the number of its pattern's word pairs, a numeral is appended, as in "Vioquill 2".
    For names in other scripts than Latin, the number divided by 101 counts.

    Parameters
    ----------
    code : column with the artist's number (long, from 0)
    pattern : result of ``artist_pattern`` for this number
    seed : another seed gives other names
    """
    # a pattern with one of the 101 slots gets only every 101st artist number; dividing by 101 makes these consecutive
    number = F.floor(code / choice([_n_slots(_ARTISTS) if p.weight == 1 else 1 for p in _ARTISTS], pattern))
    n_left = choice([len(p.left) for p in _ARTISTS], pattern)
    n_pairs = choice([len(p.left) * len(p.right) for p in _ARTISTS], pattern)
    pair = F.pmod(number * F.lit(_STRIDE) + F.lit(1009 * (seed % 9973 + 1)), n_pairs)
    lap = F.floor(number / n_pairs)
    name = _spell(_ARTISTS, pattern, F.pmod(pair, n_left), F.floor(pair / n_left))
    return F.concat(name, F.when(lap > 0, F.concat(F.lit(" "), (lap + 1).cast("string"))).otherwise(F.lit("")))


def title_pattern(row_id: Column, seed: int) -> Column:
    """Draw the Pattern of a track's title: return a Column with its index in ``_TITLES``.

    The draw depends on ``seed`` and the track's number ``row_id``.
    """
    return _pattern_index(_TITLES, below(_n_slots(_TITLES), seed, "title", row_id))


def title(row_id: Column, pattern: Column, seed: int) -> Column:
    """Return a Column with a track's title, without a suffix such as " (Live)".

    1.5 % of the tracks have one of ``ODD_TITLES``.

    Parameters
    ----------
    row_id : column with the track's number
    pattern : result of ``title_pattern`` for this track
    seed : another seed gives other titles
    """
    left = F.pmod(bits(seed, "title/left", row_id), choice([len(p.left) for p in _TITLES], pattern))
    right = F.pmod(bits(seed, "title/right", row_id), choice([len(p.right) for p in _TITLES], pattern))
    return _spell(_TITLES, pattern, left, right)


def title_suffix(
    row_id: Column,
    seed: int,
    *,
    year: Column,
    is_live: Column,
    hall: Column,
    guest: Column,
    guest_share: Column,
) -> Column:
    """Return a Column with the suffix of a title, such as " (Live)" or " - Remastered 2011"; often an empty string.

    Parameters
    ----------
    row_id : column with the track's number
    seed : another seed gives other suffixes
    year : column with the year of the recording
    is_live : boolean column: whether the recording is a live recording
    hall : column with the name of a concert hall, used for live recordings
    guest : column with the name of a second artist, used for some recordings
    guest_share : column with the probability that a studio recording has a second artist
    """
    draw = uniform(seed, "appendix", row_id)
    remaster_year = (F.lit(2009) + below(8, seed, "remaster", row_id)).cast("string")
    return (
        F.when(is_live & (draw < 0.5), F.lit(" (Live)"))
        .when(is_live & (draw < 0.8), F.concat(F.lit(" - Live at "), hall))
        .when(draw < guest_share, F.concat(F.lit(" (feat. "), guest, F.lit(")")))
        .when((year < 1990) & (draw > 0.8), F.concat(F.lit(" - Remastered "), remaster_year))
        .when(draw > 0.985, F.lit(" - Radio Edit"))
        .otherwise(F.lit(""))
    )


def concert_hall(artist_code: Column, year: Column, seed: int) -> Column:
    """Return a Column with the name of a concert hall. Equal artist and year give the same hall."""
    return _word(HALLS, bits(seed, "hall", artist_code, year))


def album_title(artist_code: Column, year: Column, seed: int) -> Column:
    """Return a Column with the title of a studio album. Equal artist and year give the same title."""
    first = _word(ADJECTIVES, bits(seed, "album/left", artist_code, year))
    return F.concat_ws(" ", first, _word(PLURALS, bits(seed, "album/right", artist_code, year)))


def _word(words: Sequence[str], number: Column) -> Column:
    """Return a Column with one of ``words``: the one at index ``number`` modulo their count."""
    return choice(words, F.pmod(number, F.lit(len(words))))


def _n_slots(patterns: Sequence[Pattern]) -> int:
    """Return the sum of the weights of ``patterns``. A pattern of weight n has n slots."""
    return sum(pattern.weight for pattern in patterns)


def _pattern_index(patterns: Sequence[Pattern], slot: Column) -> Column:
    """Return a Column with the index of the pattern of a slot.

    A pattern of weight n has n consecutive slots. With weights 2 and 3, slots 0 and 1 give index 0, slots 2 to 4 give
    index 1.
    """
    return choice([i for i, pattern in enumerate(patterns) for _ in range(pattern.weight)], slot)


def _spell(patterns: Sequence[Pattern], pattern: Column, left: Column, right: Column) -> Column:
    """Return a Column with names, made from a pattern and two of its words.

    Parameters
    ----------
    patterns : all patterns
    pattern : column with an index in ``patterns``
    left, right : columns with indices in the ``left`` and ``right`` words of this pattern
    """
    # the words of all patterns are in one list per side; with a branch per pattern, Spark's generated code is too long
    # for the JVM to compile, and three times slower (measured)
    sides = []
    for lists, index in (([p.left for p in patterns], left), ([p.right for p in patterns], right)):
        starts = [sum(map(len, lists[:i])) for i in range(len(lists))]
        sides.append(choice([word for words in lists for word in words], choice(starts, pattern) + index))
    start = choice([p.start for p in patterns], pattern)
    return F.concat(start, sides[0], choice([p.joint for p in patterns], pattern), sides[1])
