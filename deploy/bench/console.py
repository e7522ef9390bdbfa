"""Drives the console page in a headless Chromium, over its debugging pipe: standard library alone.

    console.py URL --token-file FILE [--shots FOLDER] [--axe FILE]

Checks that the page's figures are those of /v1/status, that nothing goes wrong in its console, that no request leaves
its origin, that nothing is changed without the token, and that a rollback through the page changes the champion.
"""
import argparse
import base64
import json
import os
import pathlib
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

WAIT_S = 60


class Browser:
    """One Chromium with one page."""

    def __init__(self, program):
        self.folder = tempfile.mkdtemp(prefix="tidemark-chromium-")
        to_browser, self.to = os.pipe()
        self.back, from_browser = os.pipe()

        def wire():
            os.dup2(to_browser, 3)
            os.dup2(from_browser, 4)

        # Pipes may lie on 3 and 4 themselves: they are moved out of the way first.
        to_browser, from_browser = (os.dup(os.dup(end)) if end < 10 else end for end in (to_browser, from_browser))
        for end in (to_browser, from_browser):
            os.set_inheritable(end, True)
        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             f"--user-data-dir={self.folder}", "--remote-debugging-pipe", "about:blank"],
            preexec_fn=wire, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.buffer = b""
        self.number = 0
        self.events = []
        target = self.ask("Target.createTarget", {"url": "about:blank"}, session=False)["targetId"]
        self.session = self.ask("Target.attachToTarget", {"targetId": target, "flatten": True}, session=False)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")

    def close(self):
        self.process.terminate()
        self.process.wait(WAIT_S)
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, method, parameters=None, session=True):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters or {}}
        if session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            for answer in self.read(end):
                if answer.get("id") == self.number:
                    if "error" in answer:
                        raise RuntimeError(f"{method}: {answer['error']}")
                    return answer["result"]
                self.events.append(answer)
        raise RuntimeError(f"{method}: the browser did not answer")

    def read(self, end):
        """The messages that have come, one at least unless time is up."""
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.back], [], [], max(0, end - time.monotonic()))
            if not ready:
                return []
            more = os.read(self.back, 1 << 16)
            if not more:
                raise RuntimeError("the browser ended")
            self.buffer += more
        *whole, self.buffer = self.buffer.split(b"\0")
        return [json.loads(text) for text in whole]

    def run(self, expression):
        """What an expression of the page's comes to."""
        answer = self.ask("Runtime.evaluate", {"expression": expression, "returnByValue": True, "awaitPromise": True})
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def until(self, what, expression, seconds=WAIT_S):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.run(expression)
            if found:
                return found
            time.sleep(0.1)
        raise RuntimeError(f"not seen on the page: {what}")

    def open(self, url, width=1280, dark=False):
        self.ask("Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600})
        self.ask("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
        self.ask("Page.navigate", {"url": url})
        self.until("an answer", "document.readyState === 'complete' && typeof state === 'object' && !!state.audit && !!state.effects")

    def shot(self, path):
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        picture = self.ask("Page.captureScreenshot", {
            "format": "png", "captureBeyondViewport": True,
            "clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}})
        pathlib.Path(path).write_bytes(base64.b64decode(picture["data"]))

    def troubles(self):
        """Errors of the console and of scripts, and what was loaded."""
        errors, loaded = [], []
        for event in self.events:
            method, said = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                errors.append(said["exceptionDetails"].get("exception", {}).get("description", "an exception"))
            if method == "Runtime.consoleAPICalled" and said["type"] in ("error", "assert"):
                errors.append(str(said["args"]))
            if method == "Log.entryAdded" and said["entry"]["level"] == "error":
                errors.append(f"{said['entry']['text']} {said['entry'].get('url', '')}")
            if method == "Network.requestWillBeSent":
                loaded.append(said["request"]["url"])
        return errors, loaded


class Check:
    def __init__(self):
        self.failed = 0

    def that(self, holds, sentence):
        print(("  ok      " if holds else "  FAILED  ") + sentence)
        self.failed += not holds


def fetch(url, path):
    with urllib.request.urlopen(f"{url}{path}", timeout=WAIT_S) as answer:
        return json.load(answer)


def champion(url):
    return next((s["id"] for s in fetch(url, "/v1/snapshots")["snapshots"] if s["champion"]), None)


def press(browser, label):
    browser.run(f"[...document.querySelectorAll('#dialog button')].find((b) => b.dataset.act === {json.dumps(label)}).click()")


def figures(browser, check):
    """The tiles hold what the status said that they were made from."""
    shown = browser.run("""(() => { const s = state.status; return Object.entries({ lagTile: s.lag, examples: s.examples,
        offered: s.recommendations_published, waiting: s.publishing.waiting, open: s.open_examples, items: s.items,
        shoppers: s.shoppers }).map(([name, value]) => [name, figure(value), byId('tile-' + name)?.textContent]); })()""")
    wrong = [row for row in shown if row[1] != row[2]]
    check.that(not wrong and len(shown) == 7, f"figures equal /v1/status{': ' + str(wrong) if wrong else ''}")


def same_as_server(browser, url, check):
    """Once nothing comes any more, the page shows what anyone is told."""
    names = ("examples", "items", "shoppers", "recommendations_published")
    told = {name: fetch(url, "/v1/status").get(name) for name in names}
    seen = browser.run("JSON.stringify(state.status)")
    seen = {name: json.loads(seen).get(name) for name in names}
    later = {name: fetch(url, "/v1/status").get(name) for name in names}
    check.that(all(told[n] is not None and seen[n] <= later[n] for n in names), f"the page is not ahead of the daemon: {seen}")


def rollback(browser, url, token, check):
    before = champion(url)
    target = browser.run("state.snapshots.filter((s) => !s.champion).at(-1)?.id")
    check.that(bool(target), f"there is a snapshot to go back to: {target}")
    audit = len(fetch(url, "/v1/audit?limit=1000")["entries"])
    browser.run(f"openRollback(state.snapshots.find((s) => s.id === {json.dumps(target)}))")
    check.that(browser.run("document.querySelector('#dialog [data-act=confirm]').disabled"), "no rollback before a dry run")
    browser.run("document.querySelector('#dialog [name=secret]').value = 'a token that is wrong'")
    press(browser, "dryRun")
    browser.until("the refusal", "document.querySelector('#dialog .error')?.textContent")
    check.that(len(fetch(url, "/v1/audit?limit=1000")["entries"]) == audit, "with a wrong token nothing is changed")
    browser.run(f"(() => {{ const f = document.querySelector('#dialog form').elements; f.secret.value = {json.dumps(token)}; f.reason.value = 'the console is tried'; f.who.value = 'console test'; }})()")
    press(browser, "dryRun")
    browser.until("the dry run's outcome", "document.querySelector('#dialog div p:not(.error)')?.textContent")
    check.that(champion(url) == before, "a dry run changes nothing")
    press(browser, "confirm")
    browser.until("the new head", "document.querySelector('#went')?.textContent")
    after = champion(url)
    check.that(after != before, f"a rollback through the page changes the champion: {before} to {after}")
    newest = fetch(url, "/v1/audit?limit=1")["entries"][0]
    check.that("console test" in newest["who"] and "operate" in newest["who"], f"the audit says who: {newest['who']}")
    went = len(fetch(url, "/v1/audit?limit=1000")["entries"])
    browser.until("a button to press again", "!document.querySelector('#dialog [data-act=confirm]').disabled")
    browser.run("document.querySelector('#went').remove()")
    press(browser, "confirm")
    browser.until("the same answer again", "document.querySelector('#went')?.textContent")
    check.that(len(fetch(url, "/v1/audit?limit=1000")["entries"]) == went and champion(url) == after, "a second click changes nothing")
    browser.run("byId('dialog').close()")


def what_if(browser, check):
    ready = browser.run("!!state.offers?.recommendations.length")
    if not ready:
        return check.that(False, "there are recommendations to ask about")
    browser.run("askAbout(state.offers.recommendations.at(-1))")
    browser.until("an answer", "!!document.querySelector('#answer svg')")
    check.that(browser.run("!!document.querySelector('#answer input[type=range]')"), "a what-if is answered, with its demand")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--token-file", required=True)
    parser.add_argument("--shots", help="a folder for pictures")
    parser.add_argument("--axe", help="axe.min.js of axe-core")
    options = parser.parse_args()
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not program:
        print("skipped: there is no Chromium on this machine (Debian: apt-get install chromium)", file=sys.stderr)
        return 0
    url = options.url.rstrip("/")
    token = pathlib.Path(options.token_file).read_text().strip()
    check = Check()
    browser = Browser(program)
    try:
        shots = [("light", 1280, False, ""), ("dark", 1280, True, ""), ("narrow", 390, False, ""), ("chinese", 1280, False, "?lang=zh")]
        if options.shots:
            pathlib.Path(options.shots).mkdir(parents=True, exist_ok=True)
            for name, width, dark, query in shots:
                browser.open(f"{url}/{query}", width, dark)
                time.sleep(5)
                if name != "narrow":
                    what_if(browser, check)
                browser.shot(f"{options.shots}/{name}.png")
        browser.open(f"{url}/")
        figures(browser, check)
        same_as_server(browser, url, check)
        wide = browser.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        check.that(wide, "nothing is wider than the window")
        browser.open(f"{url}/", 390)
        check.that(browser.run("document.documentElement.scrollWidth <= 390"), "nor on a phone")
        browser.open(f"{url}/")
        what_if(browser, check)
        if options.axe:
            browser.ask("Page.setBypassCSP", {"enabled": True})
            for query in ("", "?lang=zh"):
                browser.open(f"{url}/{query}")
                browser.run(pathlib.Path(options.axe).read_text() + "; true")
                found = browser.run("axe.run().then((r) => r.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.target).join(' ')))")
                check.that(found == [], f"axe-core finds no fault{': ' + str(found) if found else ''}")
            browser.ask("Page.setBypassCSP", {"enabled": False})
            browser.open(f"{url}/")
        rollback(browser, url, token, check)
        errors, loaded = browser.troubles()
        # Refusals that were asked for: a wrong token on purpose.
        errors = [e for e in errors if not re.search(r"status of (401|403)", e)]
        check.that(not errors, f"nothing goes wrong in the console{': ' + str(errors[:5]) if errors else ''}")
        away = [u for u in loaded if not u.startswith((url, "data:", "about:"))]
        check.that(not away, f"no request leaves the origin, of {len(loaded)}{': ' + str(away[:5]) if away else ''}")
    finally:
        browser.close()
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
