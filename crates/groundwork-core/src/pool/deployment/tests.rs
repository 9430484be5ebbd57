use super::*;

const SICK: Ended = Ended::Failed(Failure::Sick { retry_after: None });

fn standard(now: Instant) -> Deployment {
    Deployment::new(now, Kind::Standard, Limits::default())
}

fn call(deployment: &mut Deployment, now: Instant, ended: Ended) {
    let mut ticket = deployment.begin(now, 100);
    if matches!(ended, Ended::Succeeded { .. }) {
        deployment.answered(now, &mut ticket, true);
    }
    deployment.end(now, ticket, ended);
}

fn pressure(millis: u64) -> Ended {
    Ended::Failed(Failure::Pressure { retry_after: Some(Duration::from_millis(millis)) })
}

fn rests(deployment: &Deployment, now: Instant) -> Option<(Why, u128)> {
    match deployment.availability(now) {
        Availability::Resting(rest) => Some((rest.why, (rest.until - now).as_millis())),
        _ => None,
    }
}

#[test]
fn a_429_never_opens_the_breaker_and_bought_capacity_is_hardly_left_alone() {
    let now = Instant::now();
    for (kind, asked, expected) in [
        (Kind::Standard, 20_000, Some((Why::RateLimited, 20_000))),
        (Kind::Standard, 86_400_000, Some((Why::RateLimited, 60_000))),
        (Kind::Provisioned, 300, Some((Why::RateLimited, 300))),
        (Kind::Provisioned, 20_000, Some((Why::RateLimited, 1_000))),
        (Kind::Provisioned, 0, None),
    ] {
        let mut deployment = Deployment::new(now, kind, Limits::default());
        for _ in 0..50 {
            call(&mut deployment, now, pressure(asked));
        }
        assert_eq!(rests(&deployment, now), expected, "{kind:?} {asked}");
        assert_eq!(deployment.snapshot(now).phase, Phase::Closed);
    }
}

#[test]
fn a_shorter_wait_does_not_shorten_a_longer_one() {
    let now = Instant::now();
    let mut deployment = standard(now);
    call(&mut deployment, now, pressure(20_000));
    call(&mut deployment, now, pressure(2_000));
    assert_eq!(rests(&deployment, now), Some((Why::RateLimited, 20_000)));
}

#[test]
fn what_no_second_call_must_confirm_rests_at_once_and_comes_back_by_one_probe() {
    let now = Instant::now();
    for (failure, why) in [(Failure::Denied, Why::Denied), (Failure::Missing, Why::Missing), (Failure::Exhausted, Why::Exhausted)] {
        let mut deployment = standard(now);
        call(&mut deployment, now, Ended::Failed(failure));
        assert_eq!(rests(&deployment, now), Some((why, 30_000)));
        let later = now + BELIEVED;
        assert_eq!(deployment.availability(later), Availability::Probe);
        let mut probe = deployment.begin(later, 0);
        assert_eq!(deployment.availability(later), Availability::Probing);
        deployment.answered(later, &mut probe, false);
        assert_eq!(deployment.availability(later), Availability::Ready, "its first token is proof enough");
        deployment.end(later, probe, Ended::Succeeded { tokens: None });
    }
}

#[test]
fn the_clients_faults_count_for_nothing() {
    let now = Instant::now();
    let mut deployment = standard(now);
    for failure in [Failure::Final, Failure::TooLong, Failure::Unable] {
        for _ in 0..50 {
            call(&mut deployment, now, Ended::Failed(failure));
        }
    }
    assert_eq!(deployment.availability(now), Availability::Ready);
}

#[test]
fn callers_in_a_hurry_open_the_breaker_only_when_nobody_gets_an_answer_any_more() {
    let now = Instant::now();
    let hurried = Ended::Failed(Failure::Deadline { patience: Duration::from_secs(1) });
    let mut deployment = standard(now);
    for _ in 0..50 {
        (1..UNANSWERED).for_each(|_| call(&mut deployment, now, hurried));
        call(&mut deployment, now, Ended::Succeeded { tokens: None });
    }
    assert_eq!(deployment.availability(now), Availability::Ready);
    for _ in 0..20 {
        call(&mut deployment, now, hurried);
    }
    assert_eq!(rests(&deployment, now).map(|(why, _)| why), Some(Why::Failures));
}

#[test]
fn places_are_counted_and_given_back() {
    let now = Instant::now();
    let mut deployment = Deployment::new(now, Kind::Standard, Limits { concurrency: Some(2), ..Limits::default() });
    let first = deployment.begin(now, 0);
    let second = deployment.begin(now, 0);
    assert_eq!(deployment.availability(now), Availability::Full);
    deployment.end(now, first, Ended::GivenUp);
    assert_eq!(deployment.availability(now), Availability::Ready);
    deployment.end(now, second, SICK);
    assert_eq!(deployment.in_flight(), 0);
}

#[test]
fn the_last_resort_is_one_call_at_a_time_and_its_success_ends_the_rest() {
    let now = Instant::now();
    let mut sick = standard(now);
    (0..5).for_each(|_| call(&mut sick, now, SICK));
    let mut busy = standard(now);
    call(&mut busy, now, pressure(20_000));
    for mut deployment in [sick, busy] {
        let mut ticket = deployment.begin_as_last_resort(now, 0).unwrap();
        assert!(deployment.begin_as_last_resort(now, 0).is_none());
        assert_eq!(deployment.availability(now), Availability::Probing);
        deployment.answered(now, &mut ticket, true);
        assert_eq!(deployment.availability(now), Availability::Ready);
        deployment.end(now, ticket, Ended::Succeeded { tokens: None });
    }
}

#[test]
fn a_refused_credential_stops_nobody_who_has_no_other_choice() {
    let now = Instant::now();
    let mut deployment = standard(now);
    call(&mut deployment, now, Ended::Failed(Failure::Denied));
    let tickets: Vec<Ticket> = (0..10).filter_map(|_| deployment.begin_as_last_resort(now, 0)).collect();
    assert_eq!(tickets.len(), 10);
    tickets.into_iter().for_each(|ticket| deployment.end(now, ticket, Ended::Failed(Failure::Denied)));
}

#[test]
fn a_declared_quota_holds_even_as_the_last_resort() {
    let now = Instant::now();
    let mut deployment = Deployment::new(now, Kind::Standard, Limits { requests_per_minute: Some(60), ..Limits::default() });
    call(&mut deployment, now, Ended::Succeeded { tokens: None });
    assert_eq!(rests(&deployment, now), Some((Why::Quota, 1000)));
    assert!(deployment.begin_as_last_resort(now, 0).is_none());
    assert_eq!(deployment.availability(now + Duration::from_secs(1)), Availability::Ready);
}

#[test]
fn what_headers_call_empty_is_tried_all_the_same_when_there_is_nobody_else() {
    let now = Instant::now();
    let mut deployment = standard(now);
    let ticket = deployment.begin(now, 0);
    deployment.hear(now, &ticket, &Told::of(0, [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "9s")]));
    deployment.end(now, ticket, Ended::GivenUp);
    assert_eq!(rests(&deployment, now), Some((Why::Quota, 9000)));
    let ticket = deployment.begin_as_last_resort(now, 0).unwrap();
    assert_eq!(deployment.availability(now), Availability::Probing);
    deployment.end(now, ticket, Ended::GivenUp);
}

#[test]
fn bought_capacity_gives_back_what_was_not_used() {
    let now = Instant::now();
    for (kind, left) in [(Kind::Provisioned, 5_900.0), (Kind::Standard, 1_000.0)] {
        let mut deployment = Deployment::new(now, kind, Limits { tokens_per_minute: Some(60_000), ..Limits::default() });
        let ticket = deployment.begin(now, 5_000);
        deployment.end(now, ticket, Ended::Succeeded { tokens: Some(100) });
        assert_eq!(deployment.snapshot(now).tokens_left, Some(left), "{kind:?}");
    }
}

#[test]
fn an_ejection_lasts_longer_each_time() {
    let now = Instant::now();
    let mut deployment = standard(now);
    deployment.eject(now);
    assert_eq!(rests(&deployment, now), Some((Why::Ejected, 30_000)));
    deployment.eject(now);
    assert_eq!(rests(&deployment, now), Some((Why::Ejected, 60_000)));
}
