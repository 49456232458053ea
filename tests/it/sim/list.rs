//! List Orchestrations: filters, order, cursors; Get and List Profiles beside it.

use std::num::NonZeroU32;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use tallyd::sim::{CursorLife, GetShape, ListField, ListedUnder, ProfilesCursor, SimConfig};

use super::rig::{LIST, Pairs, Rig, ids, small, text};

/// What one list asks for.
#[derive(Clone, Debug)]
struct Asked {
    pairs: Vec<(String, String)>,
}

impl Asked {
    fn pairs(&self) -> Vec<(&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    fn values(&self, name: &str) -> Vec<&str> {
        self.pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The obvious way to say which rows are wanted. All times have six decimals and end in Z, so
    /// they compare as texts.
    fn wants(&self, row: &Value) -> bool {
        let one_of = |parameter: &str, field: &str| {
            let values = self.values(parameter);
            values.is_empty() || values.contains(&text(row, field))
        };
        let created = text(row, "created_at");
        one_of("profile_id", "profile_id")
            && one_of("status", "status")
            && one_of("orchestration_id", "id")
            && one_of("ref_id", "ref_id")
            && one_of("orchestration_rule_id", "orchestration_rule_id")
            && one_of("source_asset", "source_asset")
            && one_of("destination_asset", "destination_asset")
            && self.values("created_at.lt").iter().all(|bound| created < *bound)
            && self.values("created_at.lte").iter().all(|bound| created <= *bound)
            && self.values("created_at.eq").iter().all(|bound| created == *bound)
            && self.values("created_at.gte").iter().all(|bound| created >= *bound)
            && self.values("created_at.gt").iter().all(|bound| created > *bound)
    }

    fn expected(&self, truth: &[Value]) -> Vec<Value> {
        let mut rows: Vec<_> = truth.iter().filter(|row| self.wants(row)).cloned().collect();
        if self.values("order") != ["ASC"] {
            rows.reverse();
        }
        rows
    }
}

/// Filters whose values are taken from rows that are there, so that they find something.
fn asked(truth: &[Value]) -> impl Strategy<Value = Asked> + use<> {
    let from_rows = [
        ("profile_id", "profile_id"),
        ("status", "status"),
        ("orchestration_id", "id"),
        ("ref_id", "ref_id"),
        ("orchestration_rule_id", "orchestration_rule_id"),
        ("source_asset", "source_asset"),
        ("destination_asset", "destination_asset"),
    ];
    let bounds = ["created_at.lt", "created_at.lte", "created_at.gte", "created_at.gt", "created_at.eq"];
    let truth = truth.to_vec();
    let one_filter = (0..from_rows.len(), prop::collection::vec(any::<prop::sample::Index>(), 1..40))
        .prop_map({
            let truth = truth.clone();
            move |(which, picks)| {
                let (parameter, field) = from_rows[which];
                let values = picks.iter().map(|pick| text(pick.get(&truth), field).to_owned());
                values
                    .filter(|value| !value.is_empty())
                    .map(|value| (parameter.to_owned(), value))
                    .collect::<Vec<_>>()
            }
        });
    let bound = (0..bounds.len(), any::<prop::sample::Index>()).prop_map(move |(which, pick)| {
        (bounds[which].to_owned(), text(pick.get(&truth), "created_at").to_owned())
    });
    let limit = prop_oneof![3_usize..20, 10_usize..=1000];
    let order = prop_oneof![Just(None), Just(Some("ASC")), Just(Some("DESC"))];
    (prop::collection::vec(one_filter, 0..3), prop::collection::vec(bound, 0..3), limit, order).prop_map(
        |(filters, mut bounds, limit, order)| {
            bounds.sort();
            bounds.dedup_by(|left, right| left.0 == right.0);
            let mut pairs: Vec<_> = filters.into_iter().flatten().chain(bounds).collect();
            pairs.push(("limit".to_owned(), limit.to_string()));
            pairs.extend(order.map(|order| ("order".to_owned(), order.to_owned())));
            Asked { pairs }
        },
    )
}

#[test]
fn a_walk_along_the_cursors_is_the_truth() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let rig = runtime.block_on(Rig::start(small(400)));
    let truth = rig.control.truth();
    assert_eq!(truth.len(), 400);
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&asked(&truth), |asked| {
        let walked = runtime.block_on(rig.walk(&asked.pairs()));
        prop_assert_eq!(walked, asked.expected(&truth));
        Ok(())
    });
    outcome.unwrap();
    runtime.block_on(rig.stop());
}

#[tokio::test]
async fn every_filter_finds_what_it_says() {
    let rig = Rig::start(small(300)).await;
    let truth = rig.control.truth();
    let row = truth.iter().find(|row| !text(row, "orchestration_rule_id").is_empty()).unwrap();
    for (parameter, field) in [
        ("profile_id", "profile_id"),
        ("status", "status"),
        ("orchestration_id", "id"),
        ("ref_id", "ref_id"),
        ("orchestration_rule_id", "orchestration_rule_id"),
        ("source_asset", "source_asset"),
        ("destination_asset", "destination_asset"),
        ("created_at.lt", "created_at"),
        ("created_at.lte", "created_at"),
        ("created_at.eq", "created_at"),
        ("created_at.gte", "created_at"),
        ("created_at.gt", "created_at"),
    ] {
        let asked = Asked { pairs: vec![(parameter.to_owned(), text(row, field).to_owned())] };
        let expected = asked.expected(&truth);
        assert!(!expected.is_empty() && expected.len() < truth.len(), "{parameter} says nothing");
        assert_eq!(rig.walk(&asked.pairs()).await, expected, "{parameter}");
    }
    rig.stop().await;
}

#[tokio::test]
async fn wrong_queries_are_told_what_is_wrong() {
    let rig = Rig::start(small(5)).await;
    let profile = rig.control.profiles()[0].id.clone();
    let hundred_and_one: Vec<_> = std::iter::repeat_n(("profile_id", profile.as_str()), 101).collect();
    let cases: [(Pairs<'_>, &str); 11] = [
        (&[("limit", "0")], "limit"),
        (&[("limit", "1001")], "limit"),
        (&[("limit", "many")], "limit"),
        (&[("order", "asc")], "order"),
        (&[("status", "DONE")], "status"),
        (&[("created_at.gte", "yesterday")], "created_at.gte"),
        (&[("created_at.from", "2026-01-01T00:00:00Z")], "created_at.from"),
        (&[("updated_at.gte", "2026-01-01T00:00:00Z")], "updated_at.gte"),
        (&[("limit", "5"), ("limit", "6")], "limit"),
        (&[("page_cursor", "no-cursor")], "page_cursor"),
        (&hundred_and_one, "profile_id"),
    ];
    for (query, about) in cases {
        let detail = rig.list(query).await.problem(400);
        assert!(detail.starts_with(about), "{detail}");
    }
    assert_eq!(rig.list(&hundred_and_one[1..]).await.status, 200);
    let foreign = "5b0a7c1e-8f52-4b7d-9f0e-3d1b6f6f7a11";
    assert!(rig.list(&[("profile_id", foreign)]).await.problem(403).contains(foreign));
    rig.stop().await;
}

#[tokio::test]
async fn without_parameters_the_last_hundred_come_newest_first() {
    let rig = Rig::start(small(150)).await;
    let mut truth = rig.control.truth();
    truth.reverse();
    let page = rig.list(&[]).await;
    assert_eq!(page.items(), truth[..100]);
    assert!(page.cursor().is_some());
    rig.stop().await;
}

#[tokio::test]
async fn a_cursor_serves_the_query_it_was_made_for() {
    let rig = Rig::start(small(20)).await;
    let first = rig.list(&[("limit", "5"), ("order", "ASC")]).await;
    let cursor = first.cursor().unwrap();
    let cursor = cursor.as_str();
    let other_limit = rig.list(&[("limit", "7"), ("page_cursor", cursor), ("order", "ASC")]).await;
    assert_eq!(ids(&other_limit.items()), ids(&rig.control.truth()[5..12]));
    rig.list(&[("limit", "5"), ("page_cursor", cursor)]).await.problem(400);
    rig.list(&[("order", "ASC"), ("status", "FAILED"), ("page_cursor", cursor)]).await.problem(400);
    rig.stop().await;
}

#[tokio::test]
async fn cursors_expire_by_age_and_by_use_where_set() {
    let mut config = small(20);
    config.api.cursor_life.age = Some(Duration::from_secs(60));
    let rig = Rig::start(config).await;
    let cursor = rig.list(&[("limit", "5")]).await.cursor().unwrap();
    let next = [("limit", "5"), ("page_cursor", cursor.as_str())];
    rig.advance(Duration::from_secs(60));
    assert_eq!(rig.list(&next).await.status, 200);
    rig.advance(Duration::from_secs(1));
    assert!(rig.list(&next).await.problem(400).contains("expired"));
    rig.control.configure(|api| api.cursor_life = CursorLife { age: None, uses: NonZeroU32::new(2) });
    assert_eq!(rig.list(&next).await.status, 200);
    assert_eq!(rig.list(&next).await.status, 200);
    assert!(rig.list(&next).await.problem(400).contains("expired"));
    rig.stop().await;
}

#[tokio::test]
async fn the_lists_and_the_page_cap_are_as_set() {
    let rig = Rig::start(small(30)).await;
    let both = rig.list(&[]).await.json();
    assert_eq!(both["items"], both["orchestrations"]);
    assert_eq!(both["items"].as_array().unwrap().len(), 30);
    for (field, shown, hidden) in [
        (ListField::Items, "items", "orchestrations"),
        (ListField::Orchestrations, "orchestrations", "items"),
    ] {
        rig.control.configure(|api| api.list_field = field);
        let page = rig.list(&[]).await.json();
        assert_eq!(page[shown], both["items"]);
        assert!(page.get(hidden).is_none());
    }
    rig.control.configure(|api| {
        api.list_field = ListField::Both;
        api.max_page_rows = 7;
    });
    let page = rig.list(&[("limit", "20")]).await;
    assert_eq!(page.items().len(), 7);
    assert_eq!(rig.walk(&[("limit", "20"), ("order", "ASC")]).await, rig.control.truth());
    assert_eq!(rig.control.pages_served(), 9);
    assert_eq!(rig.control.rows_served(), 30 + 30 + 30 + 7 + 30);
    rig.stop().await;
}

#[tokio::test]
async fn get_shows_one_row_bare_or_wrapped_or_404() {
    let rig = Rig::start(small(1500)).await;
    let truth = rig.control.truth();
    let odd = truth.iter().find(|row| text(row, "id").starts_with("orch_")).unwrap();
    for row in [&truth[0], odd] {
        assert_eq!(rig.get_one(text(row, "id")).await.json(), *row);
    }
    rig.control.configure(|api| api.get_shape = GetShape::Wrapped);
    assert_eq!(rig.get_one(text(odd, "id")).await.json()["orchestration"], *odd);
    rig.get_one("orch_nowhere").await.problem(404);
    rig.get_one("no%20where%2Fat+all").await.problem(404);
    rig.get("/orchestration/nothing", &[]).await.problem(404);
    rig.stop().await;
}

#[tokio::test]
async fn a_movement_between_profiles_is_listed_under_one_or_both() {
    for listed_under in [ListedUnder::Own, ListedUnder::Both] {
        let mut config: SimConfig = small(200);
        config.world.listed_under = listed_under;
        let rig = Rig::start(config).await;
        let truth = rig.control.truth();
        let movement = truth
            .iter()
            .find(|row| row["source"].get("profile").is_some() && row["destination"].get("profile").is_some())
            .unwrap();
        let other = movement["destination"]["profile"]["profile_id"].as_str().unwrap();
        assert_ne!(other, text(movement, "profile_id"));
        let under_other = rig.walk(&[("profile_id", other)]).await;
        assert_eq!(under_other.contains(movement), listed_under == ListedUnder::Both);
        let both = rig.walk(&[("profile_id", other), ("profile_id", text(movement, "profile_id"))]).await;
        assert_eq!(both.iter().filter(|row| *row == movement).count(), 1);
        rig.stop().await;
    }
}

#[tokio::test]
async fn profiles_are_listed_in_pages_with_either_cursor() {
    let mut config = small(1);
    config.world.profiles = 5;
    config.world.profile_ids = vec!["2f6f6c1e-0a63-4b8e-8a55-6e1f6c0f4b77".to_owned()];
    let rig = Rig::start(config).await;
    let all = rig.get("/profiles", &[]).await.items();
    assert_eq!(all.len(), 5);
    assert_eq!(all[0]["id"], "2f6f6c1e-0a63-4b8e-8a55-6e1f6c0f4b77");
    assert_eq!(all[0]["type"], "DEFAULT");
    for (setting, name) in
        [(ProfilesCursor::NextPageCursor, "next_page_cursor"), (ProfilesCursor::NextPage, "next_page")]
    {
        rig.control.configure(|api| api.profiles_cursor = setting);
        let first = rig.get("/profiles", &[("limit", "3")]).await;
        let cursor = first.json()[name].as_str().unwrap().to_owned();
        let rest = rig.get("/profiles", &[("limit", "3"), ("page_cursor", &cursor)]).await;
        assert!(rest.json().get(name).is_none());
        assert_eq!([first.items(), rest.items()].concat(), all);
    }
    let second = all[1]["nickname"].as_str().unwrap();
    assert_eq!(rig.get("/profiles", &[("nickname", &second[..4].to_uppercase())]).await.items(), all[1..2]);
    rig.get("/profiles", &[("limit", "-1")]).await.problem(400);
    rig.stop().await;
}

#[tokio::test]
async fn every_answer_has_the_date_of_the_simulated_clock() {
    let rig = Rig::start(small(1)).await;
    assert_eq!(rig.list(&[]).await.header("date"), Some("Mon, 02 Mar 2026 09:30:00 GMT"));
    rig.advance(Duration::from_secs(3 * 86_400 + 1));
    let refused = rig.get_without_token(LIST).await;
    assert_eq!(refused.header("date"), Some("Thu, 05 Mar 2026 09:30:01 GMT"));
    rig.stop().await;
}
