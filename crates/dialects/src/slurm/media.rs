//! Which form a body has and which form an answer takes: JSON or YAML. The original's rules are narrow, and
//! programs have been fitted to them (facts 2.1).

use hyper::header::HeaderValue;

/// A form of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    /// YAML, under the name the client gave it.
    Yaml(&'static str),
}

impl Format {
    /// Returns the media type to announce.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::Yaml(name) => name,
        }
    }
}

/// The forms by their names.
const FORMS: [(&str, Format); 5] = [
    ("application/json", Format::Json),
    ("application/jsonrequest", Format::Json),
    ("application/yaml", Format::Yaml("application/yaml")),
    ("application/x-yaml", Format::Yaml("application/x-yaml")),
    ("text/yaml", Format::Yaml("text/yaml")),
];

/// A form that is known and still of no use.
const WEB_FORM: &str = "application/x-www-form-urlencoded";

fn form(name: &str) -> Option<Format> {
    FORMS.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, format)| *format)
}

/// Why no answer can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unacceptable {
    /// No form named is known.
    Unknown,
    /// Only the form of web pages is.
    WebForm,
}

/// Chooses the form of the answer: the first that is known; weights are not looked at.
pub(super) fn accepted(header: Option<&HeaderValue>) -> Result<Format, Unacceptable> {
    let Some(header) = header else { return Ok(Format::Json) };
    let names = header.to_str().unwrap_or_default().split(',');
    for name in names.map(|name| name.split(';').next().unwrap_or_default().trim()) {
        if name == "*/*" {
            return Ok(Format::Json);
        }
        if let Some(format) = form(name) {
            return Ok(format);
        }
        if name.eq_ignore_ascii_case(WEB_FORM) {
            return Err(Unacceptable::WebForm);
        }
    }
    Err(Unacceptable::Unknown)
}

/// What a body claims to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyForm {
    /// This.
    Known(Format),
    /// Nothing known; parameters behind the name make it unknown, too.
    Unknown,
    /// Nothing at all, or the form of web pages: neither can be read.
    Unreadable,
}

/// Looks at what a body claims to be.
pub(super) fn body_form(header: Option<&HeaderValue>) -> BodyForm {
    let Some(name) = header.map(|header| header.to_str().unwrap_or_default().trim()) else {
        return BodyForm::Unreadable;
    };
    match form(name) {
        Some(format) => BodyForm::Known(format),
        None if name.eq_ignore_ascii_case(WEB_FORM) => BodyForm::Unreadable,
        None => BodyForm::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_known_form_is_chosen() {
        let yaml = Ok(Format::Yaml("application/yaml"));
        for (header, wanted) in [
            ("application/json", Ok(Format::Json)),
            ("application/json; charset=utf-8", Ok(Format::Json)),
            ("application/json;q=0.1, application/yaml;q=0.9", Ok(Format::Json)),
            ("application/yaml, application/json", yaml),
            ("text/html, */*", Ok(Format::Json)),
            ("application/*", Err(Unacceptable::Unknown)),
            ("", Err(Unacceptable::Unknown)),
            ("application/x-www-form-urlencoded", Err(Unacceptable::WebForm)),
        ] {
            assert_eq!(accepted(Some(&HeaderValue::from_str(header).unwrap())), wanted, "{header}");
        }
        assert_eq!(accepted(None), Ok(Format::Json));
    }

    #[test]
    fn bodies_take_no_parameters() {
        for (header, wanted) in [
            ("APPLICATION/JSON", BodyForm::Known(Format::Json)),
            ("application/json; charset=utf-8", BodyForm::Unknown),
            ("text/plain", BodyForm::Unknown),
            ("application/x-www-form-urlencoded", BodyForm::Unreadable),
        ] {
            assert_eq!(body_form(Some(&HeaderValue::from_static(header))), wanted, "{header}");
        }
        assert_eq!(body_form(None), BodyForm::Unreadable);
    }
}
