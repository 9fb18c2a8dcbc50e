//! What a user of Radicale does: makes a calendar and an event with a calendar application, reads it back.

use std::fs;

use anyhow::{Result, ensure};
use lavoir_tests::appliance::{Appliance, DOMAIN, Page};

const EVENT: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//story//FR\r\nBEGIN:VEVENT\r\nUID:ag-2026@story\r\n\
DTSTAMP:20261101T100000Z\r\nDTSTART:20261205T180000Z\r\nDTEND:20261205T200000Z\r\nSUMMARY:Assemblée générale\r\n\
END:VEVENT\r\nEND:VCALENDAR\r\n";
const PATH: &str = "/bureau/association/ag-2026.ics";

/// An event that was made.
pub struct Event;

fn host() -> String {
    format!("agenda.{DOMAIN}")
}

fn ask(appliance: &Appliance, path: &str, arguments: &[&str]) -> Result<Page> {
    let secret = fs::read_to_string(appliance.state().join("apps/agenda/secrets/admin_password"))?;
    // Read by curl from a file: a password in an argument would stand in the process list.
    let file = appliance.scratch().join("calendar.curl");
    fs::write(&file, format!("user = \"bureau:{secret}\"\n"))?;
    let file = file.display().to_string();
    appliance.ask(&host(), path, &[&["--config", &file], arguments].concat())
}

/// Makes a calendar and an event in it.
pub fn make_an_event(appliance: &Appliance) -> Result<Event> {
    let wrong = appliance.ask(&host(), "/bureau/", &["--request", "PROPFIND"])?;
    ensure!(wrong.status == 401, "anyone may read: {}", wrong.status);
    let calendar = "<?xml version=\"1.0\"?><C:mkcalendar xmlns:D=\"DAV:\" xmlns:C=\"urn:ietf:params:xml:ns:caldav\">\
                    <D:set><D:prop><D:displayname>Association</D:displayname></D:prop></D:set></C:mkcalendar>";
    let xml = "Content-Type: application/xml";
    ask(
        appliance,
        "/bureau/association/",
        &[
            "--request",
            "MKCALENDAR",
            "--header",
            xml,
            "--data",
            calendar,
        ],
    )?
    .expect(201)?;
    let ics = "Content-Type: text/calendar; charset=utf-8";
    ask(
        appliance,
        PATH,
        &["--request", "PUT", "--header", ics, "--data-binary", EVENT],
    )?
    .expect(201)?;
    let redirect = appliance.get(&host(), "/.well-known/caldav")?;
    ensure!(
        redirect.status == 301,
        "CalDAV is not found by its well-known path: {}",
        redirect.status
    );
    Ok(Event)
}

/// Reads the event back.
pub fn read_back(appliance: &Appliance, _event: &Event) -> Result<()> {
    let text = ask(appliance, PATH, &[])?.expect(200)?;
    ensure!(
        text.contains("SUMMARY:Assemblée générale"),
        "the event is gone: {text}"
    );
    Ok(())
}
