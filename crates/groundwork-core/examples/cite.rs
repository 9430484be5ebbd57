use groundwork_core::citation::*;
use std::collections::BTreeMap;
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let show = std::env::args().nth(2);
    let mut by: BTreeMap<String,(u32,u32)> = BTreeMap::new();
    let mut reasons: BTreeMap<(String,&str),u32> = BTreeMap::new();
    let (mut right, mut all) = (0,0);
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let v: serde_json::Value = serde_json::from_str(line).unwrap();
        let passages = v["passages"].as_array().unwrap();
        let evidence: Vec<Evidence> = passages.iter().map(|p| Evidence{ id: p["n"].as_u64().unwrap() as u32, text: p["text"].as_str().unwrap(), context: "" }).collect();
        let mut marks = Marks::new(passages.len() as u32);
        let mut out = marks.push(v["answer"].as_str().unwrap());
        let (rest, _) = marks.finish();
        out.text.push_str(&rest.text); out.citations.extend(rest.citations);
        let report = check(&out.text, &out.citations, &evidence, &|_,_| None);
        for e in v["expected"].as_array().unwrap() {
            let sentence = e["sentence"].as_str().unwrap();
            let cite = e["cite"].as_u64().map(|c| c as u32);
            let expected = e["verdict"]=="supported";
            let norm = |s:&str| s.split_whitespace().collect::<Vec<_>>().join(" ");
            let found = report.claims.iter().find(|(c,_)| norm(&c.text)==norm(sentence));
            let (got, reason) = match found { None => { println!("NOCLAIM {sentence} in {:?}", report.claims.iter().map(|c| &c.0.text).collect::<Vec<_>>()); (false,"noclaim") } Some((_, vs)) => match vs.iter().find(|x| Some(x.source)==cite) { None => (false,"uncited"), Some(x) => (x.support==Support::Supported, x.reason.as_str()) } };
            let kind = e["kind"].as_str().unwrap().to_string();
            let b = by.entry(kind.clone()).or_default(); b.1+=1; all+=1;
            *reasons.entry((kind.clone(),reason)).or_default()+=1;
            if got==expected { b.0+=1; right+=1; } else if show.as_deref().is_some_and(|s| s=="all"||kind.contains(s)) { println!("--- {kind} {reason} {}\n  C: {sentence}\n  W: {}\n  S: {}", v["id"], e["was"].as_str().unwrap_or(""), cite.and_then(|c| passages.get(c as usize-1)).map(|p| p["text"].as_str().unwrap()).unwrap_or("")); }
        }
    }
    for (k,(r,n)) in &by { println!("{k:20} {r:4}/{n:4} {:.3}", *r as f64 / *n as f64); }
    println!("{right}/{all} {:.4}", right as f64/all as f64);
    println!("{reasons:?}");
}
