//! The parts of JSON Schema that the published schemas use.

use serde_json::Value;

/// What of a value is not as a schema says.
pub(crate) fn faults_by_schema(value: &Value, schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    faults(value, schema, schema, "$", &mut found);
    found
}

fn faults(value: &Value, schema: &Value, root: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).unwrap();
        return faults(value, target, root, at, found);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = |choice: &&Value| {
            let mut found = Vec::new();
            faults(value, choice, root, at, &mut found);
            found.is_empty()
        };
        if choices.iter().filter(fits).count() != 1 {
            // What is wrong with the one that is no null says most.
            faults(value, &choices[0], root, at, found);
        }
        return;
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let allowed = match &schema["type"] {
        Value::String(one) => one == kind,
        Value::Array(several) => several.iter().any(|one| one == kind),
        _ => true,
    };
    if !allowed {
        found.push(format!("{at}: {kind}, not {}", schema["type"]));
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        found.push(format!("{at}: {value} is none of {words:?}"));
    }
    match value {
        Value::Object(fields) => {
            for required in schema["required"].as_array().into_iter().flatten() {
                if !fields.contains_key(required.as_str().unwrap()) {
                    found.push(format!("{at}: lacks {required}"));
                }
            }
            for (name, field) in fields {
                let more = &schema["additionalProperties"];
                match schema["properties"].get(name) {
                    Some(schema) => faults(field, schema, root, &format!("{at}.{name}"), found),
                    None if *more == true => {}
                    None if more.is_object() => faults(field, more, root, &format!("{at}.{name}"), found),
                    None => found.push(format!("{at}: {name} is not in the schema")),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                faults(item, &schema["items"], root, &format!("{at}[]"), found);
            }
        }
        _ => {}
    }
}
