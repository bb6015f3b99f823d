"""List the words of invented names. Words of one list differ and have no digits, so that pairs of words differ."""


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
"""First and last words of artists in scripts other than Latin, one script each, so that no two scripts share a name."""
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
"""Titles that test parsers and pages: quotes, commas, scripts, emoji, markup, spreadsheet formulas."""
