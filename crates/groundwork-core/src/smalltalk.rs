//! Messages for which no document needs to be searched: greetings, thanks, farewells, and questions about the assistant itself. Known
//! are whole messages only: "Thanks, that helps!" is two of them, "Hello, how long is the notice period?" is a question.

/// What such a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Smalltalk {
    Greeting,
    Thanks,
    Farewell,
    /// About the assistant: who it is, what it can do.
    Assistant,
}

const GREETINGS: &[&str] = &[
    "hello",
    "hi",
    "hey",
    "hi there",
    "hello there",
    "hey there",
    "good morning",
    "good afternoon",
    "good evening",
    "good day",
    "hallo",
    "guten tag",
    "guten morgen",
    "guten abend",
    "moin",
    "servus",
    "grüss gott",
    "how are you",
    "hello how are you",
    "hi how are you",
    "wie geht es dir",
    "wie geht's",
    "hello again",
    "hello everyone",
    "hi everyone",
    "hi again",
    "hallo zusammen",
    "guten tag zusammen",
    "bonjour",
    "bonsoir",
    "salut",
    "coucou",
    "hola",
    "buenos días",
    "buenas tardes",
    "buenas noches",
];
const THANKS: &[&str] = &[
    "thanks",
    "thank you",
    "thank you very much",
    "thank you so much",
    "thanks a lot",
    "many thanks",
    "thanks for your help",
    "thank you for your help",
    "great thanks",
    "perfect thanks",
    "ok thanks",
    "okay thanks",
    "ok thank you",
    "great thank you",
    "perfect thank you",
    "thx",
    "danke",
    "vielen dank",
    "danke schön",
    "dankeschön",
    "danke dir",
    "besten dank",
    "super danke",
    "ok danke",
    "ok",
    "okay",
    "great",
    "perfect",
    "got it",
    "alles klar",
    "that helps",
    "that was helpful",
    "thanks again",
    "thank you again",
    "no thanks",
    "no thank you",
    "cool",
    "nice",
    "super",
    "excellent",
    "awesome",
    "understood",
    "i see",
    "that's all",
    "that is all",
    "never mind",
    "danke nochmal",
    "vielen lieben dank",
    "nein danke",
    "verstanden",
    "das hilft",
    "merci",
    "merci beaucoup",
    "merci bien",
    "non merci",
    "d'accord",
    "parfait",
    "c'est parfait",
    "gracias",
    "muchas gracias",
    "mil gracias",
    "no gracias",
    "vale",
    "perfecto",
    "entendido",
    "de acuerdo",
];
const FAREWELLS: &[&str] = &[
    "bye",
    "goodbye",
    "good bye",
    "see you",
    "good night",
    "tschüss",
    "auf wiedersehen",
    "bis bald",
    "gute nacht",
    "see you later",
    "see you tomorrow",
    "have a nice day",
    "have a good day",
    "schönen tag",
    "schönen tag noch",
    "schönes wochenende",
    "au revoir",
    "à bientôt",
    "bonne journée",
    "adiós",
    "adios",
    "hasta luego",
    "hasta pronto",
];
const ASSISTANT: &[&str] = &[
    "who are you",
    "what are you",
    "what is your name",
    "what's your name",
    "are you a robot",
    "are you human",
    "what can you do",
    "what do you do",
    "how can you help",
    "how can you help me",
    "what can i ask",
    "what can i ask you",
    "help",
    "wer bist du",
    "was kannst du",
    "was bist du",
    "hilfe",
    "qui es tu",
    "qui êtes vous",
    "que peux tu faire",
    "que pouvez vous faire",
    "quién eres",
    "qué eres",
    "qué puedes hacer",
];

/// What `message` is, if it is nothing but that; of several the last.
pub fn smalltalk(message: &str) -> Option<Smalltalk> {
    /// No longer than the longest that is known, whatever its signs.
    const LONGEST: usize = 64;
    let message = message.trim();
    if message.len() > LONGEST {
        return None;
    }
    let lower = message.to_lowercase().replace('\u{2019}', "'").replace('ß', "ss");
    let parts = lower.split([',', ';', '.', '!', '?']).filter(|part| part.contains(char::is_alphanumeric));
    parts.map(part).collect::<Option<Vec<_>>>()?.pop()
}

fn part(text: &str) -> Option<Smalltalk> {
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty()).collect();
    let said = words.join(" ");
    let is_in = |known: &[&str]| known.contains(&said.as_str());
    if is_in(GREETINGS) {
        Some(Smalltalk::Greeting)
    } else if is_in(THANKS) {
        Some(Smalltalk::Thanks)
    } else if is_in(FAREWELLS) {
        Some(Smalltalk::Farewell)
    } else if is_in(ASSISTANT) {
        Some(Smalltalk::Assistant)
    } else {
        None
    }
}

impl Smalltalk {
    /// What is answered where no model writes.
    pub fn reply(self) -> &'static str {
        match self {
            Self::Greeting => "Hello. Ask me something about the documents here, and I look for the answer in them.",
            Self::Thanks => "You are welcome.",
            Self::Farewell => "Goodbye.",
            Self::Assistant => {
                "I look for answers in the documents here that you may read, and show where they stand. Ask me a question about them."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_nothing_but_courtesy_is_told_from_a_question() {
        for (message, expected) in [
            ("Hello!", Some(Smalltalk::Greeting)),
            ("  Guten   Morgen. ", Some(Smalltalk::Greeting)),
            ("Great, thanks!!", Some(Smalltalk::Thanks)),
            ("Danke schön :)", Some(Smalltalk::Thanks)),
            ("Thanks, that helps!", Some(Smalltalk::Thanks)),
            ("Ok, thank you very much. Bye!", Some(Smalltalk::Farewell)),
            ("Merci beaucoup !", Some(Smalltalk::Thanks)),
            ("\u{a1}Hola! \u{bf}Qu\u{e9} puedes hacer?", Some(Smalltalk::Assistant)),
            ("Bye", Some(Smalltalk::Farewell)),
            ("What can you do?", Some(Smalltalk::Assistant)),
            ("What\u{2019}s your name?", Some(Smalltalk::Assistant)),
            ("Hello, how long is the notice period?", None),
            ("Thanks. And for interns?", None),
            ("Great, and the gym?", None),
            ("Who are you allowed to invite?", None),
            ("What can I ask of my landlord?", None),
            ("Why?", None),
            ("", None),
            ("?!", None),
        ] {
            assert_eq!(smalltalk(message), expected, "{message}");
        }
    }

    #[test]
    fn each_is_known_in_the_form_in_which_messages_are_looked_up() {
        for known in [GREETINGS, THANKS, FAREWELLS, ASSISTANT].concat() {
            assert!(smalltalk(known).is_some() && smalltalk(&format!("{}!", known.to_uppercase())).is_some(), "{known}");
        }
    }

    proptest! {
        #[test]
        fn a_message_with_a_number_is_a_question(before in "[a-z ]{0,12}", number in 0u32..100, after in "[a-z ]{0,12}") {
            let message = format!("{before} {number} {after}");
            prop_assert_eq!(smalltalk(&message), None);
        }
    }
}
