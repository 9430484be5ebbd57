use super::*;
use proptest::prelude::*;

/// Messages of the user, the last of which is searched for, and as what.
fn check(cases: &[(&[&str], &str)]) {
    for (messages, expected) in cases {
        let (question, earlier) = messages.split_last().unwrap();
        assert_eq!(search_text(earlier, question), *expected, "{messages:?}");
    }
}

#[test]
fn what_is_named_anew_takes_the_place_of_what_was_asked_of() {
    check(&[
        (&["How long is parental leave?", "And annual leave?"], "How long is annual leave?"),
        (&["How long is parental leave?", "What about sick leave?"], "How long is sick leave?"),
        (&["How long is parental leave?", "And the notice period?"], "How long is the notice period?"),
        (&["How do I apply for parental leave?", "And for annual leave?"], "How do I apply for annual leave?"),
        (&["How do I apply for parental leave?", "And sick pay?"], "How do I apply for sick pay?"),
        (&["What does vision insurance cover?", "And dental?"], "What does dental cover?"),
        (&["What does vision insurance cover?", "Same for dental?"], "What does dental cover?"),
        (&["What does dental insurance pay in France?", "And vision insurance?"], "What does vision insurance pay in France?"),
        (&["How much does dental insurance cost?", "What about the gym?"], "How much does the gym cost?"),
        (&["When does the canteen open on Mondays?", "And the gym?"], "When does the gym open on Mondays?"),
        (&["Who runs the canteen?", "And the gym?"], "Who runs the gym?"),
        (&["Who approves travel?", "And training?"], "Who approves training?"),
        (&["How are flights booked?", "And trains?"], "How are trains booked?"),
        (&["Does the company pay for meals?", "And hotels, too?"], "Does the company pay for hotels?"),
        (&["What is the daily allowance for meals in Germany?", "And hotels?"], "What is the daily allowance for hotels in Germany?"),
        (&["Tell me about parental leave.", "And annual leave?"], "Tell me about annual leave."),
        (&["How many vacation days do interns get?", "And sick days?"], "How many sick days do interns get?"),
        (&["How much does the TW-200 weigh?", "What about the TW-210?"], "How much does the TW-210 weigh?"),
        (&["Wie lange ist die Elternzeit?", "Und der Jahresurlaub?"], "Wie lange ist der Jahresurlaub?"),
        (&["Wie viele Tage Urlaub habe ich in Berlin?", "Und Sonderurlaub?"], "Wie viele Tage Sonderurlaub habe ich in Berlin?"),
        (&["Wann öffnet die Kantine?", "Was ist mit dem Fitnessraum?"], "Wann öffnet dem Fitnessraum?"),
        (&["Combien de temps dure le congé parental ?", "Et le congé maladie ?"], "Combien de temps dure le congé maladie ?"),
        (&["Que couvre l'assurance dentaire ?", "Et l’assurance vie ?"], "Que couvre l'assurance vie ?"),
        (&["¿Cuánto dura el permiso parental?", "¿Y las vacaciones?"], "¿Cuánto dura las vacaciones?"),
    ]);
}

#[test]
fn people_places_and_days_are_asked_of_in_the_same_question() {
    check(&[
        (&["How long is parental leave?", "What about contractors?"], "How long is parental leave for contractors?"),
        (&["How long is parental leave?", "How about for part-timers?"], "How long is parental leave for part-timers?"),
        (&["How long is parental leave?", "Interns?"], "How long is parental leave for Interns?"),
        (&["May employees work remotely?", "And contractors?"], "May contractors work remotely?"),
        (&["What is the notice period for managers?", "And interns?"], "What is the notice period for interns?"),
        (&["How long is parental leave?", "and in Germany?"], "How long is parental leave in Germany?"),
        (&["How long is parental leave in France?", "And in Germany?"], "How long is parental leave in Germany?"),
        (&["How long is parental leave in France?", "And Germany?"], "How long is parental leave in Germany?"),
        (&["How long is parental leave?", "And Germany?"], "How long is parental leave Germany?"),
        (&["What is the notice period?", "And during the probation?"], "What is the notice period during the probation?"),
        (&["How many days of leave are there in 2024?", "And in 2023?"], "How many days of leave are there in 2023?"),
        (&["Who runs the canteen on Mondays?", "And on Fridays?"], "Who runs the canteen on Fridays?"),
        (&["When does the gym open?", "And at the weekend?"], "When does the gym open at the weekend?"),
        (&["Wie lange ist die Elternzeit?", "Und für Praktikanten?"], "Wie lange ist die Elternzeit für Praktikanten?"),
        (&["Wie lange ist die Elternzeit in Deutschland?", "Und Frankreich?"], "Wie lange ist die Elternzeit in Frankreich?"),
        (&["Combien dure le congé parental ?", "Et pour les stagiaires ?"], "Combien dure le congé parental pour les stagiaires ?"),
        (&["¿Cuánto dura el permiso parental?", "¿Y los becarios?"], "¿Cuánto dura el permiso parental para los becarios?"),
    ]);
}

#[test]
fn a_question_that_names_nothing_carries_what_it_goes_on_from() {
    for question in [
        "Why?",
        "How long?",
        "How long does it take?",
        "How much does it cost?",
        "And the cost?",
        "And the other one?",
        "Who approves it?",
        "Can I carry it over?",
        "And who pays?",
        "And how long for interns?",
        "What is the deadline?",
        "Does that apply to contractors too?",
        "Tell me more.",
        "Translate that into German.",
        "Can you shorten that text?",
        "What if I am sick?",
        "Warum?",
        "Wie beantrage ich sie?",
        "Und die Frist?",
        "Pourquoi ?",
        "Et le coût ?",
        "¿Cuánto cuesta?",
    ] {
        check(&[(&["When may I take leave?", question], &format!("When may I take leave?\n{question}"))]);
    }
    check(&[(
        &["How many days of leave were there in 2024?", "And how many of them in 2023?"],
        "How many days of leave were there in ?\nAnd how many of them in 2023?",
    )]);
}

#[test]
fn a_chain_is_followed_step_by_step_past_thanks() {
    check(&[
        (&["How long is parental leave?", "And for interns?", "And annual leave?"], "How long is annual leave for interns?"),
        (&["How long is parental leave?", "And annual leave?", "And for interns?"], "How long is annual leave for interns?"),
        (&["How long is parental leave?", "And annual leave?", "Can I carry it over?"], "How long is annual leave?\nCan I carry it over?"),
        (&["How long is parental leave?", "Who approves it?", "And annual leave?"], "How long is annual leave?\nWho approves it?"),
        (&["When does the canteen open?", "Thanks!", "And the gym?"], "When does the gym open?"),
        (&["When does the canteen open?", "Great, thanks. And the gym?"], "When does the gym open?"),
        (&["When does the canteen open?", "Ok, and what about the gym, then?"], "When does the gym open?"),
        (&["Old.", "Parental leave?", "And for interns?", "How long is it?"], "Parental leave for interns?\nHow long is it?"),
    ]);
}

#[test]
fn a_message_that_stands_by_itself_is_searched_alone() {
    for question in [
        "How many days of parental leave may employees take?",
        "And how long does the laboratory keep the samples of customers after the end of a project?",
        "Which probe weighs less than 3 kg?",
        "And how long is annual leave?",
        "And when does the canteen open?",
        "How many days of sick leave are there?",
        "How long does it take to get a badge?",
        "Is there a rule that forbids dogs?",
        "What is the notice period?",
        "Annual leave?",
        "Wie lange ist der Jahresurlaub?",
        "Können Sie Urlaub genehmigen?",
    ] {
        check(&[(&["Who runs the canteen?", question], question)]);
    }
    check(&[(&["And in 2023?"], "And in 2023?")]);
}

#[test]
fn into_a_long_text_nothing_is_put() {
    let long = "The canteen is open. ".repeat(40);
    check(&[(&[&long, "And the gym?"], &format!("{long}\nAnd the gym?"))]);
}

proptest! {
    #[test]
    fn any_conversation_is_searched_by_words_of_its_own(
        earlier in prop::collection::vec("(And |Et l'|¿Y )?\\PC{0,30}", 0..6),
        question in "(And |Und |Et l'|¿Y )?\\PC{0,30}",
    ) {
        let earlier: Vec<&str> = earlier.iter().map(String::as_str).collect();
        let text = search_text(&earlier, &question);
        let said: usize = earlier.iter().map(|message| message.len()).sum::<usize>() + question.len();
        prop_assert!(text.len() <= said + 5 * (earlier.len() + 1), "{text:?}");
        prop_assert!(!earlier.is_empty() || text == question);
    }
}
