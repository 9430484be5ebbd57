//! What comes into a prompt with the passages because it stands around them.

use crate::fixture::{House, Plan, body, fake, user};
use groundwork_app::Caller;
use groundwork_core::access::Permissions;
use groundwork_inference::fake::Script;
use serde_json::{Value, json};

/// A section of five chunks, of which the question finds the third, and a section behind it.
fn manual(words: usize) -> String {
    let part = |name: &str| (0..words).map(|at| format!("{name}{at}")).collect::<Vec<_>>().join(" ");
    format!(
        "# Manual\n\n## Pump\n\n{}.\n\n{}.\n\nThe quorle valve is turned by hand, {}.\n\n{}.\n\n{}.\n\n## Other\n\nNothing {}.\n",
        part("alpha"),
        part("beta"),
        part("gamma"),
        part("delta"),
        part("epsilon"),
        part("omega"),
    )
}

async fn house(assistant: &str, answer: Option<&str>) -> House {
    let script = answer.map_or_else(Script::default, Script::say);
    let settings = format!("[assistants.groundwork]\npassages = 1\nfloor = 0.0\n{assistant}");
    let house = Plan::new(vec![fake("fake", script)]).applying(&settings).build().await.unwrap();
    house.upload("manual.md", &manual(45)).await;
    house
}

/// The model echoes its prompt.
async fn prompt(house: &House) -> String {
    let (_, answer) = house.ask("groundwork", "How is the quorle valve turned?").await.unwrap();
    answer["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
}

fn has(prompt: &str) -> Vec<&'static str> {
    ["alpha0 ", "beta0 ", "gamma0 ", "delta0 ", "epsilon0 ", "omega0 "].into_iter().filter(|part| prompt.contains(part)).collect()
}

#[tokio::test]
async fn a_passage_comes_alone_with_its_neighbors_or_with_its_whole_section() {
    let alone = prompt(&house("", None).await).await;
    assert_eq!(has(&alone), ["gamma0 "], "{alone}");
    let neighbors = prompt(&house("around = { neighbors = 1 }\n", None).await).await;
    assert_eq!(has(&neighbors), ["beta0 ", "gamma0 ", "delta0 "]);
    let section = prompt(&house("around = { section = true, tokens = 20000 }\n", None).await).await;
    assert_eq!(has(&section), ["alpha0 ", "beta0 ", "gamma0 ", "delta0 ", "epsilon0 "]);
    // A section that does not fit is left out, neighbors that do come.
    let little = prompt(&house("around = { neighbors = 1, section = true, tokens = 1100 }\n", None).await).await;
    assert_eq!(has(&little), ["beta0 ", "gamma0 ", "delta0 "]);
}

#[tokio::test]
async fn what_stands_around_a_passage_is_cited_as_exactly_as_the_passage() {
    let house = house("around = { neighbors = 1 }\n", Some("It begins with beta0 beta1 beta2 beta3 beta4 beta5 [1].")).await;
    let (_, answer) = house.ask("groundwork", "How is the quorle valve turned?").await.unwrap();
    let citation = &answer["choices"][0]["message"]["annotations"][0]["citation"];
    assert_eq!(
        (&citation["supported"], citation["section"].as_array().unwrap().last().unwrap()),
        (&json!(true), &json!("Pump")),
        "{citation}"
    );
    let text = manual(45);
    let page = groundwork_app::documents::page(
        &house.app,
        &Caller::local(),
        &"default".parse().unwrap(),
        &citation["document"].as_str().unwrap().parse().unwrap(),
        1,
    )
    .await
    .unwrap();
    let span = |at: usize| citation["span"][at].as_u64().unwrap() as usize;
    let quoted: String = page.text.chars().skip(span(0)).take(span(1) - span(0)).collect();
    assert_eq!(quoted, citation["text"].as_str().unwrap());
    assert!(quoted.contains("beta0 beta1") && text.contains("beta0 beta1"), "{quoted}");
}

#[tokio::test]
async fn what_the_caller_may_not_read_stands_around_nothing() {
    let house = house("around = { neighbors = 2, section = true, tokens = 20000 }\n", None).await;
    let hidden: Permissions = serde_json::from_value(json!({ "scope": "restricted", "allow": ["user:anna"] })).unwrap();
    house.try_upload("manual.md", manual(45).as_bytes(), Some(hidden)).await;
    house.upload("other.md", "# Other\n\n## Pump\n\nThe quorle valve is not known here.\n").await;
    let shown = |answer: Value| answer["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
    let (_, answer) = house.ask_as(&user("ben"), body("groundwork", "How is the quorle valve turned?")).await.unwrap();
    let seen = shown(answer);
    assert!(has(&seen).is_empty() && seen.contains("not known here"), "{seen}");
    let (_, answer) = house.ask_as(&user("anna"), body("groundwork", "How is the quorle valve turned by hand, gamma0?")).await.unwrap();
    assert_eq!(has(&shown(answer)).len(), 5);
}

#[tokio::test]
async fn passages_may_be_asked_to_come_from_several_documents() {
    let one = "[assistants.groundwork]\npassages = 3\nfloor = 0.0\n";
    for (variety, both) in [("", false), ("variety = { per_document = 1 }\n", true)] {
        let house = Plan::new(vec![fake("fake", Script::default())]).applying(&format!("{one}{variety}")).build().await.unwrap();
        let sections: Vec<String> = (0..4).map(|at| format!("## Valve {at}\n\nThe quorle valve {at} is turned by hand.\n")).collect();
        house.upload("valves.md", &format!("# Valves\n\n{}", sections.join("\n"))).await;
        house.upload("note.md", "# Note\n\nA valve of brass lasts longer.\n").await;
        let prompt = prompt(&house).await;
        assert_eq!((prompt.contains("of brass"), prompt.contains("quorle valve")), (both, true), "{variety} {prompt}");
    }
}
