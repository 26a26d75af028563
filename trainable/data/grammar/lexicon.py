"""The words of the embedded grammar, both languages side by side.

The order of a table is the order of frequency: the sampler prefers early words, as
real text does, so that the last words are learned late.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Gender = Literal["m", "f", "n"]
Frame = Literal["none", "accusative", "dative", "both", "clause"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Noun:
    """A noun; its ``tags`` determine the verbs and adjectives that fit it."""

    gender: Gender
    german: str
    german_plural: str
    english: str
    english_plural: str
    tags: frozenset[str]
    weak: bool = False  # den Jungen, dem Jungen: oblique singular is the plural form


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A verb: its German stem forms apart from a separable prefix, its English forms.

    ``rest`` is what follows the inflected English word: "wake" + "up".
    """

    frame: Frame
    infinitive: str
    third: str
    participle: str
    english: str
    english_third: str
    english_past: str
    rest: str = ""
    prefix: str = ""
    auxiliary: Literal["haben", "sein"] = "haben"
    first: str | None = None  # the form for ich, if irregular
    objects: frozenset[str] = frozenset()  # tags of the accusative object

    @property
    def first_person(self) -> str:
        """The form for ich: the infinitive's stem with -e, unless irregular."""
        return self.first if self.first is not None else self.infinitive.removesuffix("n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjective:
    """An adjective: German stem, English form, and tags of the nouns that it can describe."""

    german: str
    english: str
    tags: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pronoun:
    """A personal pronoun in the cases that the grammar uses."""

    person: Literal[1, 3]
    plural: bool
    nominative: str
    accusative: str
    dative: str
    english: str
    english_object: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Modal:
    """A modal verb; English has a true auxiliary or a verb with "to"."""

    singular: str
    plural: str
    past_singular: str | None  # None: present only
    past_plural: str
    english: tuple[str, str, str]  # base, third person, past
    is_auxiliary: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """An adverbial of time; ``tense`` is the tense of its clauses, None for any."""

    german: str
    english: str
    tense: Literal["present", "past"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conjunction:
    """A subordinating conjunction; in German the verb then is at the clause's end."""

    german: str
    english: str


def _nouns(tags: str, table: str) -> tuple[Noun, ...]:
    """Read lines of gender, singular, plural, English singular, English plural[, more tags]."""
    nouns = []
    for row in table.strip().splitlines():
        gender, german, plural, english, english_plural, *more = row.split()
        nouns.append(
            Noun(
                gender="m" if gender == "m" else "f" if gender == "f" else "n",
                german=german,
                german_plural=plural,
                english=english,
                english_plural=english_plural,
                tags=frozenset(tags.split()) | frozenset(more) - {"weak"},
                weak="weak" in more,
            )
        )
    return tuple(nouns)


PEOPLE = _nouns(
    "living person",
    """
    m Mann Männer man men
    f Frau Frauen woman women
    n Kind Kinder child children
    m Junge Jungen boy boys weak
    n Mädchen Mädchen girl girls
    m Lehrer Lehrer teacher teachers
    f Schwester Schwestern sister sisters
    m Bruder Brüder brother brothers
    f Ärztin Ärztinnen doctor doctors
    m Student Studenten student students weak
    f Freundin Freundinnen friend friends
    m Nachbar Nachbarn neighbour neighbours weak
    f Tochter Töchter daughter daughters
    m Bauer Bauern farmer farmers weak
    f Königin Königinnen queen queens
    m Koch Köche cook cooks
    """,
)
ANIMALS = _nouns(
    "living animal",
    """
    m Hund Hunde dog dogs
    f Katze Katzen cat cats
    n Pferd Pferde horse horses
    m Vogel Vögel bird birds
    f Kuh Kühe cow cows
    n Schaf Schafe sheep sheep
    m Fuchs Füchse fox foxes
    f Maus Mäuse mouse mice
    """,
)
THINGS = _nouns(
    "thing",
    """
    n Buch Bücher book books text
    m Brief Briefe letter letters text
    f Tür Türen door doors opens
    n Fenster Fenster window windows opens
    m Tisch Tische table tables
    f Lampe Lampen lamp lamps
    n Auto Autos car cars
    m Schlüssel Schlüssel key keys
    f Tasche Taschen bag bags opens
    n Bild Bilder picture pictures
    m Stuhl Stühle chair chairs
    f Zeitung Zeitungen newspaper newspapers text
    m Hut Hüte hat hats
    f Uhr Uhren clock clocks
    n Boot Boote boat boats
    m Koffer Koffer suitcase suitcases opens
    """,
)
FOODS = _nouns(
    "food",
    """
    m Apfel Äpfel apple apples
    f Suppe Suppen soup soups
    n Ei Eier egg eggs
    m Kuchen Kuchen cake cakes
    f Birne Birnen pear pears
    m Fisch Fische fish fish
    f Kartoffel Kartoffeln potato potatoes
    """,
)
PLACES = _nouns(
    "place",
    """
    m Garten Gärten garden gardens in
    n Haus Häuser house houses in
    f Stadt Städte city cities in
    f Küche Küchen kitchen kitchens in
    m Wald Wälder forest forests in
    f Schule Schulen school schools in
    n Dorf Dörfer village villages in
    f Brücke Brücken bridge bridges on
    m Berg Berge mountain mountains on
    n Schiff Schiffe ship ships on
    """,
)
OBJECTS = PEOPLE + ANIMALS + THINGS + FOODS
NOUNS = OBJECTS + PLACES


def _verbs(frame: Frame, table: str) -> tuple[Verb, ...]:
    """Read lines of (prefix|)infinitive, third, participle, English forms, options.

    An option is ``sein``, ``ich=…``, ``+word`` (the English rest) or a tag of objects.
    """
    verbs = []
    for row in table.strip().splitlines():
        infinitive, third, participle, english, english_third, english_past, *more = row.split()
        prefix, _, infinitive = infinitive.rpartition("|")
        marked = ("sein", "ich=", "+")
        first = [word.removeprefix("ich=") for word in more if word.startswith("ich=")]
        verbs.append(
            Verb(
                frame=frame,
                prefix=prefix,
                infinitive=infinitive,
                third=third,
                participle=participle,
                english=english,
                english_third=english_third,
                english_past=english_past,
                rest=" ".join(word[1:] for word in more if word.startswith("+")),
                auxiliary="sein" if "sein" in more else "haben",
                first=first[0] if first else None,
                objects=frozenset(word for word in more if not word.startswith(marked)),
            )
        )
    return tuple(verbs)


VERBS: dict[Frame, tuple[Verb, ...]] = {
    "none": _verbs(
        "none",
        """
        schlafen schläft geschlafen sleep sleeps slept
        arbeiten arbeitet gearbeitet work works worked
        auf|stehen steht aufgestanden get gets got +up sein
        lachen lacht gelacht laugh laughs laughed
        an|kommen kommt angekommen arrive arrives arrived sein
        singen singt gesungen sing sings sang
        ein|schlafen schläft eingeschlafen fall falls fell +asleep sein
        warten wartet gewartet wait waits waited
        auf|wachen wacht aufgewacht wake wakes woke +up sein
        weinen weint geweint cry cries cried
        tanzen tanzt getanzt dance dances danced
        """,
    ),
    "accusative": _verbs(
        "accusative",
        """
        sehen sieht gesehen see sees saw person animal thing food
        lesen liest gelesen read reads read text
        kaufen kauft gekauft buy buys bought thing food animal
        auf|machen macht aufgemacht open opens opened opens
        essen isst gegessen eat eats ate food
        suchen sucht gesucht look looks looked +for person animal thing
        an|rufen ruft angerufen call calls called person
        finden findet gefunden find finds found person animal thing food
        tragen trägt getragen carry carries carried thing food
        mit|nehmen nimmt mitgenommen take takes took +along thing food animal
        lieben liebt geliebt love loves loved person animal
        zu|machen macht zugemacht close closes closed opens
        fragen fragt gefragt ask asks asked person
        weg|werfen wirft weggeworfen throw throws threw +away thing food
        verkaufen verkauft verkauft sell sells sold thing food animal
        ein|laden lädt eingeladen invite invites invited person
        waschen wäscht gewaschen wash washes washed animal thing
        vergessen vergisst vergessen forget forgets forgot person thing
        auf|heben hebt aufgehoben pick picks picked +up thing food
        besuchen besucht besucht visit visits visited person
        malen malt gemalt paint paints painted animal thing person
        """,
    ),
    "dative": _verbs(
        "dative",
        """
        helfen hilft geholfen help helps helped
        folgen folgt gefolgt follow follows followed sein
        danken dankt gedankt thank thanks thanked
        zu|hören hört zugehört listen listens listened +to
        vertrauen vertraut vertraut trust trusts trusted
        antworten antwortet geantwortet answer answers answered
        """,
    ),
    "both": _verbs(
        "both",
        """
        geben gibt gegeben give gives gave thing food
        zeigen zeigt gezeigt show shows showed thing food animal
        bringen bringt gebracht bring brings brought thing food
        schicken schickt geschickt send sends sent thing
        leihen leiht geliehen lend lends lent thing
        """,
    ),
    "clause": _verbs(
        "clause",
        """
        wissen weiß gewusst know knows knew ich=weiß
        glauben glaubt geglaubt believe believes believed
        sagen sagt gesagt say says said
        hoffen hofft gehofft hope hopes hoped
        denken denkt gedacht think thinks thought
        """,
    ),
}


def _adjectives(table: str) -> tuple[Adjective, ...]:
    """Read lines of German stem, English, tags."""
    return tuple(
        Adjective(german=german, english=english, tags=frozenset(tags))
        for german, english, *tags in (row.split() for row in table.strip().splitlines())
    )


ADJECTIVES = _adjectives(
    """
    alt old living thing place
    klein small living thing food place
    groß big living thing food place
    neu new thing
    jung young living
    schön beautiful living thing place
    rot red thing food
    müd tired living
    schwarz black animal thing
    freundlich friendly living
    teur expensive thing
    glücklich happy living
    schwer heavy thing food
    traurig sad living
    kalt cold food place
    billig cheap thing food
    klug clever living
    dunkl dark place thing
    süß sweet food
    arm poor person
    """
)
PRONOUNS = (
    Pronoun(
        person=3,
        plural=False,
        nominative="er",
        accusative="ihn",
        dative="ihm",
        english="he",
        english_object="him",
    ),
    Pronoun(
        person=3,
        plural=False,
        nominative="sie",
        accusative="sie",
        dative="ihr",
        english="she",
        english_object="her",
    ),
    Pronoun(
        person=1,
        plural=False,
        nominative="ich",
        accusative="mich",
        dative="mir",
        english="I",
        english_object="me",
    ),
    Pronoun(
        person=1,
        plural=True,
        nominative="wir",
        accusative="uns",
        dative="uns",
        english="we",
        english_object="us",
    ),
    Pronoun(
        person=3,
        plural=True,
        nominative="sie",
        accusative="sie",
        dative="ihnen",
        english="they",
        english_object="them",
    ),
)
MODALS = (
    Modal(
        singular="kann",
        plural="können",
        past_singular="konnte",
        past_plural="konnten",
        english=("can", "can", "could"),
        is_auxiliary=True,
    ),
    Modal(
        singular="will",
        plural="wollen",
        past_singular="wollte",
        past_plural="wollten",
        english=("want", "wants", "wanted"),
        is_auxiliary=False,
    ),
    Modal(
        singular="muss",
        plural="müssen",
        past_singular="musste",
        past_plural="mussten",
        english=("have", "has", "had"),
        is_auxiliary=False,
    ),
    Modal(
        singular="soll",
        plural="sollen",
        past_singular=None,
        past_plural="",
        english=("should", "should", ""),
        is_auxiliary=True,
    ),
)
TIMES = (
    Time(german="heute", english="today"),
    Time(german="gestern", english="yesterday", tense="past"),
    Time(german="jetzt", english="now", tense="present"),
    Time(german="am Abend", english="in the evening"),
    Time(german="jeden Tag", english="every day"),
    Time(german="am Montag", english="on Monday"),
    Time(german="oft", english="often"),
    Time(german="im Sommer", english="in summer"),
)
CONJUNCTIONS = (
    Conjunction(german="weil", english="because"),
    Conjunction(german="wenn", english="when"),
    Conjunction(german="obwohl", english="although"),
    Conjunction(german="bevor", english="before"),
)
