//! What a hub may say instead of a model, or not say at all.
//!
//! Separate because here nothing is wrong with the files. The law over all of them: the error tells the user what to
//! do, and nothing that was said becomes part of the cache.

use crate::{
    machine::*,
    server::{Fault, HubServer},
};
use std::time::{Duration, Instant};
use summarize::engine::hub::{HubError, Patience, Quiet};

#[test]
fn an_error_page_is_never_taken_for_a_file() {
    for status in [401, 403] {
        let server = healthy();
        server.fault("/resolve/", Fault::Status(status, "X-Error-Code", "GatedRepo"), 100);
        let machine = Machine::new(&server);
        let error = machine.get().unwrap_err();
        assert!(matches!(error, HubError::Refused { .. }), "{error}");
        let message = error.to_string();
        assert!(message.contains("HF_TOKEN") && message.contains(&format!("{}/{REPO}", server.address())), "{message}");
        machine.assert_no_model();
        assert_eq!(server.served("/resolve/").len(), 1, "a refusal is final");
    }
}

#[test]
fn a_gated_repository_is_refused_before_any_file() {
    let server = healthy();
    server.fault("/api/", Fault::Status(403, "X-Error-Message", "Access to model org/model is restricted"), 100);
    let error = Machine::new(&server).get().unwrap_err().to_string();
    assert!(error.contains("is restricted") && error.contains("HF_TOKEN"), "{error}");
}

#[test]
fn what_does_not_exist_is_said_to_be_missing() {
    let server = healthy();
    let hub = Machine::new(&server).hub();
    for (repo, revision) in [("org/none", None), (REPO, Some("v2")), (REPO, Some("feature/x"))] {
        let error = hub.plan(repo, revision, &Quiet).unwrap_err();
        assert!(matches!(error, HubError::NotFound { .. }), "{error}");
        assert!(error.to_string().contains("summarize models") && error.to_string().contains(repo), "{error}");
    }
    server.fault("vocab.json", Fault::Status(404, "X-Error-Code", "EntryNotFound"), 1);
    let error = Machine::new(&server).get().unwrap_err();
    assert!(error.to_string().contains("vocab.json"), "{error}");
}

#[test]
fn a_limit_is_waited_out_as_long_as_the_hub_asks() {
    let server = healthy();
    server.fault("/revision/", Fault::Status(429, "Retry-After", "1"), 1);
    server.fault(WEIGHTS, Fault::Status(429, "X", "x"), 1);
    let witness = Witness::default();
    let start = Instant::now();
    assert_whole(&Machine::new(&server).get_seen_by(&witness).unwrap());
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert!(witness.heard("pausing 1 the hub is limiting requests"));

    server.fault("/revision/", Fault::Status(429, "Retry-After", "3600"), 1);
    let error = Machine::new(&server).get().unwrap_err();
    assert!(error.to_string().contains("3600 s"), "{error}");

    server.fault("/revision/", Fault::Status(429, "Retry-After", "0"), 100);
    assert!(matches!(Machine::new(&server).get(), Err(HubError::RateLimited { .. })));
}

#[test]
fn a_hub_that_fails_now_and_then_is_asked_again() {
    let server = healthy();
    server.fault("/revision/", Fault::Status(503, "X", "x"), 2);
    server.fault("/tree/", Fault::Cut(10), 1);
    server.fault("vocab.json", Fault::Status(500, "X", "x"), 2);
    assert_whole(&Machine::new(&server).get().unwrap());
}

#[test]
fn a_hub_that_does_not_answer_is_given_up_soon() {
    let server = healthy();
    server.fault("", Fault::Silent, 100);
    let start = Instant::now();
    let error = Machine::new(&server).hasty().get().unwrap_err();
    assert!(matches!(error, HubError::Unreachable { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(server.served("").len(), 1, "it is not asked twice");
    assert_eq!(Patience::default().first_contact, Duration::from_secs(5));
}

#[test]
fn a_hub_that_is_not_there_is_an_outage() {
    let mut machine = Machine::new(&healthy());
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    machine.options.endpoint = Some(format!("http://{free}"));
    let error = machine.get().unwrap_err();
    assert!(error.is_outage() && error.to_string().contains(&free.to_string()), "{error}");
}

#[test]
fn a_login_page_is_not_a_hub() {
    let server = healthy();
    server.fault("/api/", Fault::Body("<html>Welcome to our hotel</html>"), 1);
    let error = Machine::new(&server).get().unwrap_err();
    assert!(matches!(error, HubError::Unexpected { .. }), "{error}");
}

#[test]
fn a_hostile_hub_cannot_write_outside_the_cache() {
    let server = healthy();
    server.fault("/revision/", Fault::Body(r#"{"id": "org/model", "sha": "../../../escape"}"#), 1);
    assert!(matches!(Machine::new(&server).get(), Err(HubError::Unexpected { .. })));
    let listing = r#"[{"type": "file", "oid": "../../../escape", "size": 1, "path": "config.json"}]"#;
    server.fault("/tree/", Fault::Body(listing), 1);
    assert!(matches!(Machine::new(&server).get(), Err(HubError::Unexpected { .. })));
}

#[test]
fn the_token_goes_to_its_endpoint_and_not_where_that_redirects() {
    let (server, elsewhere) = (healthy(), healthy());
    server.fault(WEIGHTS, Fault::Redirect(elsewhere.address().to_owned()), 1);
    server.fault("/tree/", Fault::Redirect(elsewhere.address().to_owned()), 1);
    server.fault("/revision/", Fault::Redirect(elsewhere.address().to_owned()), 1);
    let mut machine = Machine::new(&server);
    machine.options.token = Some("hf_secret".to_owned());
    assert_whole(&machine.get().unwrap());
    let tokens =
        |server: &HubServer| server.served("").into_iter().map(|served| served.authorization).collect::<Vec<_>>();
    assert!(tokens(&server).iter().all(|token| token.as_deref() == Some("Bearer hf_secret")));
    assert_eq!(tokens(&elsewhere), [None, None, None]);
}
