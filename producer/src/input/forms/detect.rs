//! All forms, and which of them an input has.

use super::form::Form;
use super::ndjson::Ndjson;
use super::start::Start;
use super::walkthrough::Walkthrough;

/// Every form. A new one is added here.
const FORMS: [&dyn Form; 2] = [&Walkthrough, &Ndjson];

/// The form of an input that begins with `start`.
pub(crate) fn detect(start: &Start) -> Option<&'static dyn Form> {
    FORMS.into_iter().find(|form| form.detect(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_detects_its_own_inputs_and_refuses_those_of_the_others() {
        let walkthrough = [
            r#"{"detail":{"cells":[]}}"#,
            r#"{"cells":[{"files":"s3://bucket/x/"}]}"#,
            "\u{feff}\n{ \"version\": \"0\", \"detail\": {\"cells\": [",
        ];
        let ndjson = [
            r#"{"files":"s3://bucket/x/","date":"20200801"}"#,
            "\n{\"cell\":\"48RXT/2020-08-01/0\"}\n{\"cells\":[]}",
            r#"{"assets":{"detail":"s3://bucket/x"}}"#,
            "{",
        ];
        let neither = ["", " \n", "[{}]", "cell", "<cells/>"];
        let cases = walkthrough
            .map(|text| (text, [true, false]))
            .into_iter()
            .chain(ndjson.map(|text| (text, [false, true])))
            .chain(neither.map(|text| (text, [false, false])));
        for (text, expected) in cases {
            let start = Start::new(text.as_bytes().to_vec());
            assert_eq!(FORMS.map(|form| form.detect(&start)), expected, "{text}");
        }
    }
}
