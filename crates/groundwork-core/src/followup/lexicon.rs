//! What a word of a question does there, in the four languages that are known: short lists, and what [`words`](crate::words) tells.

use crate::words::{Kind, Word, words};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Names something.
    Thing,
    /// People of whom something is asked: it holds for the interns or for the managers.
    People,
    /// A year, a day, a number, a code.
    Value(Value),
    /// What is asked of a thing (how *long*, the *deadline*, does it *cost*), which names none.
    Side,
    /// The same, and a part of a name behind one: sick *days*.
    Unit,
    Article,
    /// Says where, when or how, and is said anew in what goes on: "in Germany", "and in France?"
    Place,
    /// Any other preposition.
    Preposition,
    /// Makes a whole question of it.
    Asking,
    /// An asking word whose verb stands behind its subject: when *does* the canteen open.
    Auxiliary,
    /// Stands for what was named before.
    Pointer,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    Date,
    Day,
    Number,
    Code,
}

impl Class {
    pub(super) fn names(self) -> bool {
        matches!(self, Self::Thing | Self::People | Self::Value(_))
    }
}

/// A word where it stands.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) class: Class,
    /// What two words are compared by.
    pub(super) key: String,
    /// As it is written, in small letters.
    pub(super) lower: String,
    pub(super) capital: bool,
    /// Bytes of the text.
    pub(super) at: Range<usize>,
}

/// How a language goes on from a question.
pub(super) struct Language {
    pub(super) leads: &'static [&'static str],
    /// Before the people of whom something is asked.
    pub(super) of_people: &'static str,
    people: &'static str,
    /// Whether a capital inside a sentence tells a name.
    pub(super) capitals_tell: bool,
}

pub(super) const LANGUAGES: [Language; 4] = [
    Language {
        leads: &[
            "what about",
            "how about",
            "is it the same for",
            "is that the same for",
            "the same for",
            "same for",
            "and",
            "or",
            "but",
            "also",
            "so",
            "then",
            "ok",
            "okay",
            "thanks",
            "thank you",
            "great,",
            "perfect,",
        ],
        of_people: "for",
        people: "employees workers staff contractors freelancers interns trainees apprentices students managers directors executives timers temps \
            consultants parents fathers mothers spouses partners children dependants dependents visitors guests customers retirees pensioners \
            people everyone everybody others men women",
        capitals_tell: true,
    },
    Language {
        leads: &[
            "was ist mit",
            "wie ist es mit",
            "wie ist es bei",
            "wie sieht es mit",
            "wie sieht es bei",
            "wie steht es mit",
            "das gleiche für",
            "dasselbe für",
            "gilt das auch für",
            "und",
            "oder",
            "aber",
            "auch",
            "dann",
            "danke",
            "vielen dank",
        ],
        of_people: "für",
        people: "mitarbeiter mitarbeitern mitarbeiterinnen mitarbeitende mitarbeitenden beschäftigte beschäftigten angestellte angestellten \
            praktikanten praktikantinnen azubis auszubildende auszubildenden werkstudenten studenten studierende teilzeitkräfte \
            teilzeitkräften führungskräfte führungskräften leiharbeiter freiberufler eltern väter mütter kinder gäste kunden besucher rentner alle",
        capitals_tell: false,
    },
    Language {
        leads: &[
            "qu'en est-il pour",
            "qu'en est-il de",
            "qu'en est-il",
            "même chose pour",
            "quid de",
            "et",
            "ou",
            "mais",
            "alors",
            "merci",
        ],
        of_people: "pour",
        people: "employés employées salariés salariées stagiaires apprentis cadres intérimaires étudiants parents pères mères enfants \
            prestataires clients visiteurs retraités",
        capitals_tell: true,
    },
    Language {
        leads: &["qué hay de", "qué pasa con", "qué tal", "lo mismo para", "y", "o", "pero", "entonces", "gracias"],
        of_people: "para",
        people: "empleados empleadas trabajadores becarios becarias aprendices directivos autónomos estudiantes padres madres hijos clientes \
            visitantes jubilados",
        capitals_tell: true,
    },
];

/// Later lists give way to earlier ones.
const LISTS: [(Class, &str); 10] = [
    (
        Class::Article,
        "the a an my your our der die das den dem ein eine einen einem einer mein meine meinen le la les l un une el los las una mi",
    ),
    (
        Class::Place,
        "in on at during within after before since until under over without im am bei beim während nach vor seit bis ohne ab unter über en dans \
         au aux pendant après avant depuis sans sur sin durante después antes desde hasta",
    ),
    (
        Class::Preposition,
        "of for to from with by per about via für mit von vom zu zum zur aus auf pro du des de d pour avec par à chez para con por del al",
    ),
    (Class::Auxiliary, "do does did can could may might will would shall should must"),
    (
        Class::Asking,
        "who whom whose what which when where why how if i you we is are was were be been am has have had wer wen wem was welche welcher welches \
         welchen wann wo woher wohin warum wieso weshalb wie wenn ist sind war kann können darf dürfen muss müssen soll sollen wird werden hat \
         haben habe gibt ich wir man falls qui que qu quoi quel quelle quels quelles quand où pourquoi comment combien est sont peut puis dois doit \
         je j on nous vous si quién quiénes qué cuál cuáles cuándo dónde cómo cuánto cuánta cuántos cuántas es puede puedo debo hay tiene tengo",
    ),
    (
        Class::Pointer,
        "it its they them their this that these those he him his she her one ones there same er ihn ihm sie ihr ihre dies diese dieser dieses \
         dort dazu davon dafür damit daran il elle ils elles lui leur cela ça ce cet cette ces celui celle eso esto esta este ellos ellas",
    ),
    (
        Class::Value(Value::Day),
        "monday mondays tuesday tuesdays wednesday wednesdays thursday thursdays friday fridays saturday saturdays sunday sundays weekend \
         weekends today tomorrow yesterday montag montags dienstag dienstags mittwoch mittwochs donnerstag donnerstags freitag freitags samstag \
         samstags sonntag sonntags wochenende heute morgen lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miércoles jueves \
         viernes sábado sábados domingo domingos",
    ),
    (
        Class::Unit,
        "day days week weeks month months year years hour hours tag tage tagen woche wochen monat monate jahr jahre stunden jour jours semaine \
         semaines mois an ans heures día días semana semanas mes meses año años horas",
    ),
    (
        Class::Side,
        "long longer much many often far big high large old soon early late more less most time times cost costs price prices fee fees amount \
         limit limits maximum minimum rate deadline deadlines duration length procedure process steps step form forms documents proof reason \
         reasons exception exceptions condition conditions requirement requirements rule rules details detail example examples difference \
         take takes taking last lasts apply applies work works happen happens mean means get gets cover covers count explain tell show give say \
         says know responsible eligible entitled allowed possible required needed need available sure lang lange viel viele oft hoch teuer früh \
         spät mehr genau zeit kosten kostet preis gebühr betrag grenze frist fristen dauer dauert ablauf verfahren formular unterlagen nachweis \
         grund ausnahme ausnahmen voraussetzung voraussetzungen bedingungen regel regeln einzelheiten beispiel unterschied gilt gelten zuständig \
         erlaubt möglich nötig passiert bedeutet bekommt bekomme longtemps temps coût coûte prix montant limite délai durée dure procédure \
         formulaire raison règle exemple vaut applique obligatoire plus moins tiempo cuesta coste costo precio importe límite plazo duración dura \
         duran trámite procedimiento formulario documentos motivo razón excepciones condiciones requisitos regla ejemplo aplica posible \
         obligatorio más",
    ),
    (
        Class::Other,
        "too well as even really please now then just again still else other another any some all yes no hmm me us auch denn bitte jetzt noch \
         nur schon dann ja nein aussi alors donc oui non también entonces ahora sí favor",
    ),
];

static CLASSES: LazyLock<HashMap<&str, Class>> = LazyLock::new(|| {
    let people = LANGUAGES.iter().flat_map(|language| language.people.split_whitespace()).map(|word| (word, Class::People));
    let listed = LISTS.iter().flat_map(|(class, list)| list.split_whitespace().map(|word| (word, *class)));
    let mut classes = HashMap::new();
    for (word, class) in listed.chain(people) {
        classes.entry(word).or_insert(class);
    }
    classes
});

/// The language of people that are called so.
pub(super) fn language_of(people: &str) -> &'static Language {
    let of = |language: &&Language| language.people.split_whitespace().any(|known| is(known, people));
    LANGUAGES.iter().find(of).unwrap_or(&LANGUAGES[0])
}

/// Whether `word` is `people`, or one of them.
fn is(people: &str, word: &str) -> bool {
    people == word || people.strip_suffix('s') == Some(word)
}

/// The words of `text`, in order; what is elided in French is a word of its own.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for word in words(text) {
        let raw = &text[word.at.clone()];
        let elided =
            raw.find(['\'', '\u{2019}']).filter(|end| matches!(raw[..*end].to_lowercase().as_str(), "l" | "d" | "j" | "qu" | "s" | "n"));
        let apostrophe = elided.and_then(|end| raw[end..].chars().next()).map_or(0, char::len_utf8);
        if let Some(end) = elided {
            tokens.push(token(text, word.at.start..word.at.start + end, None));
        }
        let from = word.at.start + elided.map_or(0, |end| end + apostrophe);
        if from < word.at.end {
            tokens.push(token(text, from..word.at.end, elided.is_none().then_some(&word)));
        }
    }
    for at in 0..tokens.len() {
        settle(&mut tokens, at);
    }
    tokens
}

fn token(text: &str, at: Range<usize>, word: Option<&Word>) -> Token {
    let raw = &text[at.clone()];
    let lower = raw.to_lowercase();
    let listed = CLASSES.get(lower.as_str()).or_else(|| CLASSES.get(format!("{lower}s").as_str()).filter(|class| **class == Class::People));
    let class = match word.map(|word| word.kind) {
        Some(Kind::Date) => Class::Value(Value::Date),
        _ if listed.is_some() => listed.copied().unwrap_or(Class::Other),
        Some(Kind::Number) => Class::Value(Value::Number),
        Some(_) if lower.contains(|c: char| c.is_ascii_digit()) => Class::Value(Value::Code),
        Some(Kind::Function | Kind::Negation) => Class::Other,
        _ => Class::Thing,
    };
    let key = word.map_or_else(|| lower.clone(), |word| word.key.clone());
    Token { class, key, capital: raw.starts_with(char::is_uppercase), lower, at }
}

/// What only the words around it tell of one.
fn settle(tokens: &mut [Token], at: usize) {
    let class = |at: Option<usize>| at.and_then(|at| tokens.get(at)).map(|token| token.class);
    let lower = |at: usize| tokens.get(at).map_or("", |token| token.lower.as_str());
    let (before, after) = (at.checked_sub(1), Some(at + 1));
    let settled = match (tokens[at].class, lower(at)) {
        // "Are there", "this week", "a rule that forbids", "is it possible to": nothing is pointed at.
        (Class::Pointer, "there") if [before, after].iter().any(|near| class(*near) == Some(Class::Asking)) => Class::Other,
        (Class::Pointer, _) if class(after) == Some(Class::Unit) => Class::Article,
        (Class::Pointer, "that")
            if matches!(class(before), Some(Class::Thing | Class::Side))
                && tokens[at.saturating_sub(3)..at].iter().any(|token| token.class == Class::Article) =>
        {
            Class::Other
        }
        (Class::Pointer, "it") if lower(at + 2) == "to" && !lower(at + 1).starts_with("appl") => Class::Other,
        // A German "Sie" is who is asked.
        (Class::Pointer, "sie" | "ihr" | "ihre") if tokens[at].capital => Class::Asking,
        // One of them before a thing is a part of its name: the employee handbook.
        (Class::People, one) if !CLASSES.contains_key(one) && class(after) == Some(Class::Thing) => Class::Thing,
        (class, _) => class,
    };
    tokens[at].class = settled;
}
