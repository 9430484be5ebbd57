//! A bounded queue that is fair between callers: each caller waits in a line of its own, and the lines take turns.

use std::collections::{HashMap, VecDeque};

/// Everyone who waits for one deployment.
#[derive(Debug)]
pub struct Fair<T> {
    lines: HashMap<String, VecDeque<T>>,
    /// Callers with someone waiting, the next to be served first.
    turns: VecDeque<String>,
    waiting: usize,
    capacity: usize,
}

/// There is no place: the caller has as many waiting as any other.
#[derive(Debug, PartialEq, Eq)]
pub struct Full<T>(pub T);

impl<T> Fair<T> {
    pub fn new(capacity: usize) -> Self {
        Self { lines: HashMap::new(), turns: VecDeque::new(), waiting: 0, capacity }
    }

    /// Those who wait already keep their places, also when there are fewer now.
    pub fn resize(&mut self, capacity: usize) {
        self.capacity = capacity;
    }

    pub fn len(&self) -> usize {
        self.waiting
    }

    pub fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Whether `join` would find a place for `caller`.
    pub fn has_place(&self, caller: &str) -> bool {
        self.waiting < self.capacity || self.greediest(self.line(caller)).is_some()
    }

    /// Joins the line of `caller`. When the queue is full, the youngest of the longest line makes place for a caller with a shorter one,
    /// and is given back: it is to be told that it was turned away.
    pub fn join(&mut self, caller: &str, waiter: T) -> Result<Option<T>, Full<T>> {
        let mut turned_away = None;
        if self.waiting >= self.capacity {
            let Some(greedy) = self.greediest(self.line(caller)).map(str::to_owned) else { return Err(Full(waiter)) };
            turned_away = self.lines.get_mut(&greedy).and_then(VecDeque::pop_back);
            self.waiting -= 1;
        }
        if !self.lines.contains_key(caller) {
            self.turns.push_back(caller.to_owned());
        }
        self.lines.entry(caller.to_owned()).or_default().push_back(waiter);
        self.waiting += 1;
        Ok(turned_away)
    }

    /// Whose turn it is.
    pub fn pop(&mut self) -> Option<T> {
        let caller = self.turns.pop_front()?;
        let line = self.lines.get_mut(&caller)?;
        let waiter = line.pop_front();
        if line.is_empty() {
            self.lines.remove(&caller);
        } else {
            self.turns.push_back(caller);
        }
        self.waiting -= usize::from(waiter.is_some());
        waiter
    }

    /// Forgets those who no longer wait.
    pub fn retain(&mut self, still_waits: impl Fn(&T) -> bool) {
        for line in self.lines.values_mut() {
            line.retain(&still_waits);
        }
        self.lines.retain(|_, line| !line.is_empty());
        self.turns.retain(|caller| self.lines.contains_key(caller));
        self.waiting = self.lines.values().map(VecDeque::len).sum();
    }

    fn line(&self, caller: &str) -> usize {
        self.lines.get(caller).map_or(0, VecDeque::len)
    }

    /// The caller with the longest line, if it would still be as long as one of `own` and one more.
    fn greediest(&self, own: usize) -> Option<&str> {
        let longest = self.lines.iter().max_by_key(|(caller, line)| (line.len(), *caller))?;
        (longest.1.len() > own + 1).then_some(longest.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drain(queue: &mut Fair<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn callers_take_turns_and_each_is_served_in_its_own_order() {
        let mut queue = Fair::new(10);
        for waiter in ["a1", "a2", "a3", "a4", "b1", "c1", "b2"] {
            queue.join(&waiter[..1], waiter).unwrap();
        }
        assert_eq!(drain(&mut queue), ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_full_queue_has_a_place_for_one_who_has_fewer_waiting() {
        let mut queue = Fair::new(3);
        for waiter in ["a1", "a2", "a3"] {
            assert_eq!(queue.join("a", waiter), Ok(None));
        }
        assert!(!queue.has_place("a"));
        assert_eq!(queue.join("a", "a4"), Err(Full("a4")));
        assert_eq!(queue.join("b", "b1"), Ok(Some("a3")));
        assert_eq!(queue.join("b", "b2"), Err(Full("b2")), "both have two then");
        assert_eq!(queue.join("c", "c1"), Ok(Some("a2")));
        assert_eq!(drain(&mut queue), ["a1", "b1", "c1"]);
    }

    #[test]
    fn those_who_left_take_no_place() {
        let mut queue = Fair::new(2);
        queue.join("a", "gone").unwrap();
        queue.join("b", "here").unwrap();
        queue.retain(|waiter| *waiter != "gone");
        assert_eq!(queue.len(), 1);
        assert_eq!(queue.join("a", "new"), Ok(None));
        assert_eq!(drain(&mut queue), ["here", "new"]);
    }

    #[test]
    fn without_capacity_nobody_waits() {
        assert_eq!(Fair::new(0).join("a", 1), Err(Full(1)));
    }

    proptest! {
        #[test]
        fn nobody_is_lost_or_served_twice_and_the_bound_holds(steps in proptest::collection::vec((0_u8..5, any::<bool>()), 0..300)) {
            let mut queue = Fair::new(7);
            let mut inside = std::collections::BTreeSet::new();
            for (number, (caller, joins)) in steps.into_iter().enumerate() {
                if joins {
                    match queue.join(&caller.to_string(), number) {
                        Ok(turned_away) => {
                            inside.insert(number);
                            if let Some(gone) = turned_away {
                                prop_assert!(inside.remove(&gone));
                            }
                        }
                        Err(Full(same)) => prop_assert_eq!(same, number),
                    }
                } else if let Some(served) = queue.pop() {
                    prop_assert!(inside.remove(&served));
                } else {
                    prop_assert!(inside.is_empty());
                }
                prop_assert!(queue.len() <= 7 && queue.len() == inside.len());
            }
        }
    }
}
