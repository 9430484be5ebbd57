//! Words that say the opposite of each other.

use crate::words::stem;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Pairs, one side a slash from the other; several words on a side say the same.
const PAIRS: &str = "
    increase,increased,rise,rose,grow,grew/decrease,decreased,fall,fell,decline,shrink,shrank,drop
    increasing,rising,growing/decreasing,falling,declining,shrinking
    high,higher,highest/low,lower,lowest
    more/less,fewer
    most/least,fewest
    maximum,maximal,upper/minimum,minimal
    above,over/below,under
    before,prior,previous,previously,preceding/after,following,subsequent,subsequently
    earlier,early,earliest/later,late,latest
    first,initial,initially/last,final,finally
    larger,large,largest,big,bigger,biggest,greater,great,greatest/smaller,small,smallest,lesser
    longer,long,longest/shorter,short,shortest
    faster,fast,fastest,quick,quickly/slower,slow,slowest,slowly
    stronger,strong,strongest/weaker,weak,weakest
    better,best,improve,improved,improvement/worse,worst,worsen,worsened,deteriorate,deteriorated
    older,old,oldest/younger,young,youngest,newer,new,newest
    north,northern,northward/south,southern,southward
    east,eastern,eastward/west,western,westward
    left/right
    inside,internal,inner,inward/outside,external,outer,outward
    majority/minority
    positive,positively/negative,negatively
    win,won,victory,winner/lose,lost,defeat,loser
    gain,gained/lose,lost,loss
    begin,began,start,started,open,opened/end,ended,stop,stopped,close,closed
    always/never
    often,frequently,common,commonly/rarely,seldom,rare
    all,every/none
    accept,accepted,approve,approved/reject,rejected,refuse,refused,decline,declined
    allow,allowed,permit,permitted/forbid,forbidden,prohibit,prohibited,ban,banned
    include,included,including/exclude,excluded,excluding
    mandatory,required,compulsory,obligatory/optional,voluntary
    public/private
    present/absent
    success,succeed,succeeded,successful/failure,fail,failed
    buy,bought,purchase,buyer,import,imported/sell,sold,sale,seller,export,exported
    lend,lent,lender/borrow,borrowed,borrower
    employer/employee
    arrive,arrived,arrival,enter,entered/depart,departed,departure,leave,exit
    support,supported,favor,favour/oppose,opposed
    agree,agreed/disagree,disagreed
    add,added/remove,removed,delete,deleted
    enable,enabled/disable,disabled
    hot,hotter,warm,warmer/cold,colder,cool,cooler
    rich,richer,wealthy/poor,poorer
    safe,safer/dangerous,unsafe
    true/false
    legal,lawful/illegal,unlawful
    male,man,men,boy,father,son,husband/female,woman,women,girl,mother,daughter,wife
    day,daytime/night,nighttime
    ancient/modern
    urban/rural
    simple,easy,easier/complex,difficult,hard,harder
    full,complete/empty,incomplete
    deep,deeper/shallow
    wide,wider,broad/narrow,narrower
    thick,thicker/thin,thinner
    light,lighter/heavy,heavier
    near,nearer,close,closer/far,farther,distant
    up,upward,upwards/down,downward,downwards
    top/bottom
    front/back,rear
    major/minor
    active/inactive,passive
    temporary/permanent
    direct,directly/indirect,indirectly
    credit/debit
    income,revenue/expense,expenditure
    profit/loss
    asset/liability
    supply/demand
    expand,expanded,expansion/contract,contracted,contraction
    encourage,encouraged/discourage,discouraged
    create,created,build,built/destroy,destroyed,demolish,demolished
    attack,attacked/defend,defended
    love,loved/hate,hated
    friend,ally/enemy,foe
    strengthen,strengthened/weaken,weakened
    raise,raised/reduce,reduced
    reduce,reduced/increase,increased
    paid/unpaid
    known/unknown
    able/unable
    likely/unlikely
    equal/unequal
    dependent/independent
    regular/irregular
    possible/impossible
    formal/informal
    domestic/foreign
    national/international
    single/married
    odd/even
    absolute/relative
    vertical/horizontal
    acid,acidic/alkaline,basic
    forward,forwards/backward,backwards
    superior/inferior
    benign/malignant
    acute/chronic
    proximal/distal
    anterior/posterior
    dorsal/ventral
    systolic/diastolic
    arterial/venous
    preoperative/postoperative
";

/// For each stem, the stems that say the opposite.
static OPPOSITES: LazyLock<HashMap<String, Vec<String>>> = LazyLock::new(|| {
    let mut map: HashMap<String, Vec<String>> = HashMap::new();
    for (one, other) in PAIRS.lines().filter_map(|line| line.trim().split_once('/')) {
        let side = |words: &str| words.split(',').map(stem).collect::<Vec<_>>();
        let (one, other) = (side(one), side(other));
        for (from, to) in [(&one, &other), (&other, &one)] {
            for word in from {
                map.entry(word.clone()).or_default().extend(to.iter().cloned());
            }
        }
    }
    map
});

/// Whether two stems say the opposite of each other: by the list, or because one is the other with a prefix that negates.
pub(super) fn are_opposite(one: &str, other: &str) -> bool {
    let listed = OPPOSITES.get(one).is_some_and(|opposites| opposites.iter().any(|opposite| opposite == other));
    let negates = |longer: &str, shorter: &str| {
        shorter.len() >= 4
            && ["un", "in", "im", "ir", "il", "dis", "non", "mis"].iter().any(|prefix| longer.strip_prefix(prefix) == Some(shorter))
    };
    listed || negates(one, other) || negates(other, one)
}

/// Whether the list knows an opposite of the stem.
pub(super) fn has_opposite(stem: &str) -> bool {
    OPPOSITES.contains_key(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opposites_are_known_in_every_form_and_both_ways() {
        for (one, other, expected) in [
            ("increased", "decreasing", true),
            ("falls", "increase", true),
            ("eastern", "western", true),
            ("unpaid", "paid", true),
            ("approved", "disapproved", true),
            ("higher", "large", false),
            ("increase", "grew", false),
            ("inform", "form", true),
        ] {
            assert_eq!(are_opposite(&stem(one), &stem(other)), expected, "{one} {other}");
            assert_eq!(are_opposite(&stem(other), &stem(one)), expected, "{other} {one}");
        }
    }
}
