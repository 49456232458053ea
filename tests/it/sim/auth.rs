//! Tokens and scopes.

use std::time::Duration;

use tallyd::sim::{Endpoint, ScopePolicy};

use super::rig::{LIST, Rig, small};

const GOOD: [(&str, &str); 3] =
    [("grant_type", "client_credentials"), ("client_id", "sim-client"), ("client_secret", "sim-secret")];

#[tokio::test]
async fn a_token_is_given_for_the_right_credentials_alone() {
    let rig = Rig::start(small(1)).await;
    let answer = rig.ask_token(&GOOD).await;
    assert_eq!(answer.status, 200);
    let body = answer.json();
    assert_eq!(body["expires_in"], 3599);
    assert_eq!(body["token_type"], "bearer");
    assert!(body["scope"].as_str().unwrap().contains("orchestration:read_orchestration"));

    let refused = async |form: Vec<(&'static str, &'static str)>| {
        let answer = rig.ask_token(&form).await;
        (answer.status, answer.json()["error"].as_str().unwrap().to_owned())
    };
    let wrong = |at: usize, value: &'static str| {
        let mut form = GOOD.to_vec();
        form[at].1 = value;
        form
    };
    assert_eq!(refused(wrong(0, "password")).await, (400, "unsupported_grant_type".to_owned()));
    assert_eq!(refused(wrong(1, "somebody")).await, (401, "invalid_client".to_owned()));
    assert_eq!(refused(wrong(2, "guess")).await, (401, "invalid_client".to_owned()));
    assert_eq!(refused(vec![GOOD[1], GOOD[2]]).await, (400, "invalid_request".to_owned()));
    let mut unknown = GOOD.to_vec();
    unknown.push(("scope", "exchange:write_order"));
    assert_eq!(refused(unknown).await, (400, "invalid_scope".to_owned()));
    assert_eq!(rig.control.count(Endpoint::Token), 6);
    rig.stop().await;
}

#[tokio::test]
async fn fewer_scopes_than_asked_are_granted_or_refused_as_set() {
    for (policy, status) in [(ScopePolicy::Narrow, 200), (ScopePolicy::Refuse, 400)] {
        let mut config = small(1);
        config.credentials.scopes = vec!["orchestration:read_orchestration".to_owned()];
        config.credentials.scope_policy = policy;
        let rig = Rig::start(config).await;
        let mut form = GOOD.to_vec();
        form.push(("scope", "orchestration:read_orchestration funding:read_profile"));
        let answer = rig.ask_token(&form).await;
        assert_eq!(answer.status, status);
        if policy == ScopePolicy::Narrow {
            assert_eq!(answer.json()["scope"], "orchestration:read_orchestration");
        }
        rig.get("/profiles", &[]).await.problem(403);
        rig.stop().await;
    }
}

#[tokio::test]
async fn without_a_good_token_nothing_is_shown() {
    let rig = Rig::start(small(1)).await;
    for path in [LIST, "/profiles", "/orchestration/orchestrations/x"] {
        rig.get_without_token(path).await.problem(401);
    }
    assert_eq!(rig.list(&[]).await.status, 200);
    rig.advance(Duration::from_secs(3598));
    assert_eq!(rig.list(&[]).await.status, 200);
    rig.advance(Duration::from_secs(1));
    rig.list(&[]).await.problem(401);
    rig.stop().await;
}

#[tokio::test]
async fn a_token_opens_what_its_scopes_open() {
    let mut rig = Rig::start(small(1)).await;
    rig.use_scopes("funding:read_profile").await;
    assert_eq!(rig.get("/profiles", &[]).await.status, 200);
    assert!(rig.list(&[]).await.problem(403).contains("orchestration:read_orchestration"));
    rig.use_scopes("orchestration:read_orchestration").await;
    assert_eq!(rig.list(&[]).await.status, 200);
    assert!(rig.get("/profiles", &[]).await.problem(403).contains("funding:read_profile"));
    let answer = rig.post(&serde_json::json!({})).await;
    assert!(answer.problem(403).contains("orchestration:write_orchestration"));
    rig.control.forget_tokens();
    rig.list(&[]).await.problem(401);
    rig.stop().await;
}
