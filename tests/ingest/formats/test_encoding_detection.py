"""Detect the encoding of song titles that are not UTF-8."""

# ruff: noqa: RUF001

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.ingest.formats.encoding_detection import CANDIDATES, detect_encoding, is_valid
from segue.ingest.formats.records import decode_lines

TITLES = {
    "cp1252": "Déjà vu|Ça m’énerve|Cœur|Mañana|¿Dónde estás?|Über sieben Brücken|Straße|Coração|Lições|Sånger|Beyoncé"
    "|Mötley Crüe|Don’t stop|“Heroes”|Live – 1999|CORAZÓN|Perché|É isso aí|Whelmed…but Not|Røyksopp|÷ (Deluxe)|µ-Ziq",
    "cp1252 English": "Don’t stop|I’m yours|Can’t help|Rock ’n’ Roll|It’s my life|You’re|“Heroes”",
    "cp1250 Polish": "Kocham cię|Żółty|Dziękuję|Będę|Życie|Śpiewać każdy może|Bądź mój|Beyoncé",
    "cp1250 Czech": "Příliš žluťoučký|Když muž se ženou|Štěstí|Jožin z bažin|Růže|Černá|Ať žijí",
    "cp1250 Hungarian": "Őszi szél|Tűz|Hűvös éj|Gyöngyhajú lány|Könnyű|Jó éjszakát|Szállj fel magasra",
    "cp1254": "Şımarık|Ayrılık|Aşk|İstanbul’da|Güneş|Yağmur|Işık|Gülümse",
    "cp1257": "Dziesma|Māte saule|Pērkons|Brāļi|Ceļš|Mīļā|Rīga",
    "iso8859_2": "Kocham cię|Dziękuję|Śpiewać każdy może|Bądź mój|Źle mi|Łzy|Święta",
    "mac_roman": "Déjà vu|L’été indien|Où tu iras|Hélène|Beyoncé|Noël blanc",
    "cp850": "Über sieben Brücken|Mädchen|Grönemeyer|Schöne Grüße|Straße",
    "cp1251": "Катюша|Группа крови|Звезда по имени Солнце|Миллион алых роз|Обійми|Океан Ельзи",
    "koi8_r": "Катюша|Группа крови|Звезда по имени Солнце|Миллион алых роз|Хочешь",
    "cp866": "Катюша|Группа крови|Звезда по имени Солнце|Миллион алых роз|Хочешь",
    "cp1253": "Ζορμπάς|Τα παιδιά του Πειραιά|Συννεφιασμένη Κυριακή|Αγάπη|Έρωτας",
    "cp1255": "ירושלים של זהב|הבה נגילה|שיר לשלום|אהבה|לילה טוב|שלמה ארצי",
    "cp1256": "فيروز|أم كلثوم|إنت عمري|حبيبي|نور العين|زهرة المدائن",
    "cp874": "ความรัก|ขอบใจจริงๆ|เพลงรัก|แสงสุดท้าย|ไม่เป็นไร",
    "cp949": "강남스타일|봄날|방탄소년단|벚꽃 엔딩|너의 의미",
    "cp932": "上を向いて歩こう|夜に駆ける|残酷な天使のテーゼ|紅蓮華|千本桜|ドライフラワー",
    "euc_jp": "上を向いて歩こう|夜に駆ける|残酷な天使のテーゼ|紅蓮華|千本桜|ドライフラワー",
    "gb18030": "月亮代表我的心|邓丽君|青花瓷|周杰伦|小苹果|听妈妈的话",
    "cp950": "月亮代表我的心|鄧麗君|青花瓷|周杰倫|小蘋果|聽媽媽的話",
}


def lines_of(titles: str, encoding: str) -> list[bytes]:
    """Return a line of CSV for each title, as ingest passes on those that are not UTF-8."""
    lines = [f"{n},{title},pop,{90 + n},-7.{n}".encode(encoding) for n, title in enumerate(titles.split("|"))]
    return [line for line in lines if not is_valid(line, "utf-8")]


def detected(lines: list[bytes]) -> str | None:
    n_invalid = [sum(not is_valid(line, name) for line in lines) for name in CANDIDATES]
    return detect_encoding(lines, n_invalid, len(lines))


@pytest.mark.parametrize("name", TITLES)
def test_encoding_of_a_song_list(name):
    encoding = name.split()[0]
    lines = lines_of(TITLES[name], encoding)
    assert len(lines) >= 5
    assert detected(lines) == encoding


@pytest.mark.parametrize("encoding", ["cp1252", "cp1251", "cp932", "euc_jp", "gb18030", "cp949"])
def test_encoding_of_a_song_list_with_damaged_lines(encoding):
    lines = lines_of(TITLES[encoding], encoding) * 5
    # fewer than one line in ten are not valid in the encoding
    assert detected([*lines, *[line + b"\x81" for line in lines[:2]]]) == encoding


def test_undefined_bytes_are_no_reason_for_a_neighbour():
    # cp1252 lacks 0x8d, which is a letter in cp1250
    assert detected([b"1,Caf\xe9"] * 6 + [b"2,\xc3\x8d"]) == "cp1252"


@pytest.mark.parametrize("title", TITLES["cp1252"].split("|"))
def test_single_western_title_is_cp1252(title):
    assert detected(lines_of(title, "cp1252")) == "cp1252"


@pytest.mark.parametrize(
    "line",
    [b"So\x93g 3", b"Beyonc\xc3", b"So\x9dg", b"\x89PNG\r\x1a" + bytes(range(128, 256)), bytes(range(128, 192)) * 3],
)
def test_damaged_text_has_no_likely_encoding(line):
    assert detected([line]) is None


@pytest.mark.parametrize("encoding", CANDIDATES)
@given(line=st.binary(max_size=40) | st.text(alphabet="aé桜Яx,", max_size=9).map(lambda text: text.encode("utf-8")))
def test_every_line_is_decoded_in_every_candidate(encoding, line):
    ascii_bytes = bytes(range(128))
    assert ascii_bytes.decode(encoding) == ascii_bytes.decode("ascii")
    text = "".join(decode_lines([line], encoding, is_start=False))
    assert text.encode("utf-8", "surrogatepass").isascii() or not line.isascii()
    assert is_valid(line, encoding) == (not any("\udc80" <= character <= "\udcff" for character in text))
