//! No answer changes the structure of anything.

use std::collections::BTreeSet;

use lavoir_core::release::Release;

use super::*;

/// Each is a line of text; what has control signs or is no line is refused before.
const NASTY: &[&str] = &[
    "'",
    "\"",
    "`",
    "\\",
    "\\\\",
    "$",
    "$$",
    "${SECRET_DB_PASSWORD}",
    "$(id)",
    "${HOME:-x}",
    "{{ secrets.db_password }}",
    "{% if x %}",
    "{# x",
    "}}",
    "%}",
    ": ",
    "- a",
    "# x",
    "a: b",
    "& a",
    "*a",
    "!!str x",
    "| x",
    "> x",
    "@x",
    "%x",
    "yes",
    "null",
    "~",
    "1e3",
    "[a, b]",
    "{a: b}",
    "---",
    "...",
    "<<",
    "; rm -rf /",
    "&& x",
    "| sh",
    "--option",
    "=",
    "a=b",
    "' . phpinfo() . '",
    "?>",
    "<?php",
    "<script>",
    "</x>",
    "&amp;",
    "%(title)s",
    "é 😀 ✓",
    "ＡＢ",
    "\u{200f}",
    "{0}",
    "ANSWER_CONTACT",
    "${ANSWER_CONTACT}",
    "'; DROP TABLE x; --",
    "x' x='",
    "💧💧💧",
    "{",
    "}",
    "{{",
    "{%",
];

fn masked(release: &Release, title: &str) -> String {
    let mut release = release.clone();
    let answer = lavoir_core::release::Answer::Public(String::new());
    release.answers.insert("title".parse().unwrap(), answer);
    let text = serde_json::to_string(&release).unwrap();
    // As it stands in a string of JSON, with Compose's doubled dollars.
    let inside = |t: &str| {
        let json = serde_json::to_string(&t.replace('$', "$$")).unwrap();
        json[1..json.len() - 1].to_owned()
    };
    let upper = format!("5 $$ for {}", inside(&title.to_uppercase()));
    let plain = inside(title);
    text.replace(&format!("\"{upper}\""), "\"PRICE\"")
        .replace(&format!("\"--title={plain}\""), "\"TITLE OPTION\"")
        .replace(&format!("\"--title\",\"{plain}\""), "\"TITLE WORDS\"")
        .replace(&format!("\"TITLE\":\"{plain}\""), "\"TITLE\":\"\"")
}

#[test]
fn a_nasty_answer_is_only_a_text() {
    let folder = read(&sound_dir()).unwrap();
    let resolved = |title: &str| {
        let answers = [("contact", "a@b.org"), ("title", title)];
        resolve(&folder, request(&answers)).map(|r| r.release)
    };
    let plain = masked(&resolved("plain").ok().unwrap(), "plain");
    for title in NASTY {
        let release = resolved(title).unwrap_or_else(|p| panic!("{title:?}: {p:#?}"));
        assert_eq!(masked(&release, title), plain, "{title:?}");
        // What is filled in is the very answer.
        let app = &release.services[&"app".parse().unwrap()];
        let none: BTreeMap<String, String> = BTreeMap::new();
        assert_eq!(fill(&app.environment["TITLE"], &none).unwrap(), *title);
        let command = &app.command.as_ref().unwrap()[2];
        assert_eq!(fill(command, &none).unwrap(), format!("--title={title}"));
        // The second opinion reads the same text.
        let text = interpolation_compose(&release);
        let value: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(
            value["services"]["app"]["environment"]["TITLE"],
            title.replace('$', "$$")
        );
    }
}

#[test]
fn a_nasty_private_answer_is_not_even_a_text() {
    let folder = read(&sound_dir()).unwrap();
    let resolved = |code: &str| {
        let answers = [("contact", "a@b.org"), ("licence_code", code)];
        let mut release = resolve(&folder, request(&answers)).ok().unwrap().release;
        let id = "licence_code".parse().unwrap();
        assert!(release.answers.remove(&id).is_some());
        release
    };
    let plain = resolved("plain");
    for code in NASTY {
        assert_eq!(resolved(code), plain, "{code:?}");
    }
}

#[test]
fn what_is_no_line_of_text_is_refused() {
    let folder = read(&sound_dir()).unwrap();
    for bad in [
        "a\nb",
        "a\rb",
        "\0",
        "a\tb",
        "a\u{85}",
        "a\u{2028}b",
        "\u{1b}[0m",
        "a\u{f8fe}",
    ] {
        let answers = [("contact", "a@b.org"), ("title", bad)];
        let found = resolve(&folder, request(&answers)).err().unwrap();
        assert_eq!(found[0].code, "answer-invalid", "{bad:?}");
    }
}

#[test]
fn each_kind_has_its_answers() {
    let folder = read(&sound_dir()).unwrap();
    let long = "x".repeat(201);
    for (id, answer, good) in [
        ("contact", "ana.b+c@sub.example.org", true),
        ("contact", "Ana@Example.org", true),
        ("contact", "ana", false),
        ("contact", "ana@localhost", false),
        ("contact", "a b@example.org", false),
        ("contact", "a@b@example.org", false),
        ("contact", "<a@example.org>", false),
        ("places", "9", true),
        ("places", "10", false),
        ("places", "0", false),
        ("places", "+5", false),
        ("places", "5.0", false),
        ("open", "true", true),
        ("open", "yes", false),
        ("tone", "high", true),
        ("tone", "HIGH", false),
        ("title", long.as_str(), false),
    ] {
        let mut answers = vec![("contact", "a@b.org")];
        answers.push((id, answer));
        let result = resolve(&folder, request(&answers));
        assert_eq!(result.is_ok(), good, "{id} = {answer:?}");
        if let Err(problems) = result {
            assert_eq!((problems.len(), problems[0].code), (1, "answer-invalid"));
            assert!(problems[0].sentence.fr.contains(id), "names the question");
            assert!(
                !problems[0].sentence.en.contains(answer) || answer.len() < 3,
                "does not repeat it"
            );
        }
    }
}

#[test]
fn answers_are_asked_for_and_no_others() {
    let folder = read(&sound_dir()).unwrap();
    let codes = |answers: &[(&str, &str)]| -> BTreeSet<&'static str> {
        let found = resolve(&folder, request(answers)).err().unwrap();
        found.iter().map(|p| p.code).collect()
    };
    assert_eq!(codes(&[]), BTreeSet::from(["answer-missing"]));
    assert_eq!(
        codes(&[("contact", "  ")]),
        BTreeSet::from(["answer-missing"])
    );
    let both = codes(&[("colour", "red"), ("places", "many")]);
    assert_eq!(
        both,
        BTreeSet::from(["answer-missing", "answer-unknown", "answer-invalid"])
    );
}

#[test]
fn addresses_are_told_apart() {
    let folder = read(&sound_dir()).unwrap();
    let with = |id: &str, host: &str| {
        let mut request = request(&[("contact", "a@b.org")]);
        request.extra_hosts = BTreeMap::from([(id.parse().unwrap(), host.parse().unwrap())]);
        resolve(&folder, request)
    };
    let release = with("static", "files.example.net").ok().unwrap().release;
    assert_eq!(release.routes[1].host.as_str(), "files.example.net");
    assert_eq!(
        with("static", "music.example.org").err().unwrap()[0].code,
        "host-twice"
    );
    assert_eq!(
        with("other", "x.example.org").err().unwrap()[0].code,
        "host-unknown"
    );
}

/// Changes one text of the sound recipe and resolves.
fn resolved_with(file: &str, from: &str, to: &str, answers: &[(&str, &str)]) -> Vec<&'static str> {
    let (_home, dir) = copy();
    let text = fs::read_to_string(dir.join(file)).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(dir.join(file), text.replacen(from, to, 1)).unwrap();
    let folder = read(&dir).unwrap();
    match resolve(&folder, request(answers)) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(|p| p.code).collect(),
    }
}

#[test]
fn what_is_secret_stands_whole_or_not_at_all() {
    let answers = [("contact", "a@b.org"), ("licence_code", "x")];
    let place = "{{ answers.places }}";
    for expression in [
        "{{ secrets.db_password | upper }}",
        "{{ secrets.db_password ~ 'x' }}",
        "{{ 'x' ~ secrets.db_password }}",
        "{{ answers.contact | lower }}",
        "{{ answers.licence_code | json }}",
        "{{ secrets.db_password | shell }}",
        "{{ secrets.db_password | replace('x', 'y') }}",
        "{{ secrets.db_password[0] }}",
        "{% for c in secrets.db_password %}{{ c | upper }}{% endfor %}",
    ] {
        let codes = resolved_with("compose.yaml", place, expression, &answers);
        assert_eq!(codes.len(), 1, "{expression}: {codes:?}");
        if expression.contains('~') {
            assert_eq!(codes, ["secret-transformed"], "{expression}");
        }
    }
    // Compared, a placeholder equals nothing: no answer can be guessed by what is rendered.
    let guess = "{% if answers.licence_code == 'x' %}right{% endif %}";
    assert!(resolved_with("compose.yaml", place, guess, &answers).is_empty());
}

#[test]
fn a_template_cannot_run_on() {
    let answers = [("contact", "a@b.org")];
    let loops = "{% for a in 'x' * 9999 | split('') %}{% for b in 'x' * 9999 | split('') %}{{ b | php }}{% endfor %}{% endfor %}";
    for text in [
        "{% for a in 'ab,cd' * 50000 | split(',') %}{% for b in 'ab,cd' * 50000 | split(',') %}x{% endfor %}{% endfor %}",
        loops,
        "{{ 'x' * 99999999 | php }}",
        "{{ ('x' * 9000000) | php }}",
    ] {
        let text = format!("<?php\n{text}\n");
        let codes = resolved_with("files/config.php", "<?php\n", &text, &answers);
        assert!(!codes.is_empty(), "{text}");
    }
}

#[test]
fn a_file_that_cannot_hold_an_answer_is_found_before() {
    let from = "tone = {{ answers.tone | ini }}";
    let to = "tone = {{ answers.title | ini }}";
    for (title, good) in [
        ("fine", true),
        ("a;b", false),
        ("a # b", false),
        ("\"a\"", false),
    ] {
        let answers = [("contact", "a@b.org"), ("title", title)];
        let codes = resolved_with("files/app.ini", from, to, &answers);
        assert_eq!(codes.is_empty(), good, "{title}: {codes:?}");
    }
}

/// The second guard: a template that was never checked, or comes from an old ledger entry.
#[test]
fn a_file_is_rendered_quoted_or_not_at_all() {
    let folder = read(&sound_dir()).unwrap();
    let answers = [("contact", "a@b.org"), ("title", "x' . y")];
    let resolved = resolve(&folder, request(&answers)).ok().unwrap();
    let request = request(&[]);
    let values = Values::of(
        &resolved.release,
        &request.app,
        BTreeMap::new(),
        BTreeMap::from([(
            "db_password".parse().unwrap(),
            zeroize::Zeroizing::new("hunter22".to_owned()),
        )]),
        &request.box_facts,
    );
    for (template, code) in [
        ("{{ answers.title }}", "template-unquoted"),
        ("{{ (answers.title | php) ~ '' }}", "template-unquoted"),
        ("{{ 'x' }}", "template-unquoted"),
        ("{{ 5 }}", "template-unquoted"),
        ("{{ answers }}", "template-unquoted"),
        ("{{ answers.nothing | php }}", "template-unknown-variable"),
        ("{{ secrets.nothing | php }}", "template-unknown-variable"),
        ("{{ secrets.db_password | int | php }}", "template-fails"),
        ("{{ secrets.db_password / 2 }}", "template-fails"),
        ("{{ secrets.db_password | no }}", "template-fails"),
        ("{% if %}", "template-syntax"),
    ] {
        let file = lavoir_core::release::FileTemplate {
            template: format!("<?php\n{template}"),
            mode: 0o600,
            uid: 0,
            gid: 0,
        };
        let problem = render_file(&file, "x.php", &values).err().unwrap();
        assert_eq!((problem.code, problem.line), (code, Some(2)), "{template}");
        assert!(
            !format!("{problem:?}").contains("hunter22"),
            "a secret is told"
        );
    }
}
