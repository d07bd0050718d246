"""A browser for the provider's forms: follows, fills, submits. BROWSER="python browser.py %s".

python browser.py URL [--abort] [--user NAME]
"""

import argparse
import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request

STEPS_MAX = 15


def visit(url, user="amina", abort=False):
    """The text of the last page, which has no form any more. abort: says no where it is asked."""
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    page = opener.open(url, timeout=20)
    for _ in range(STEPS_MAX):
        text = page.read().decode()
        form = re.search(r'<form[^>]*action="([^"]*)".*?</form>', text, re.S)
        if form is None:
            return text
        if abort and 'href="' in text and "/abort" in text:
            link = re.search(r'href="([^"]*/abort)"', text)[1]
            try:
                page = opener.open(urllib.parse.urljoin(page.url, link), timeout=20)
                return page.read().decode()
            except urllib.error.HTTPError as e:  # where there is no page to go back to
                return e.read().decode()
        hidden = r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"'
        fields = dict(re.findall(hidden, form[0]))
        if 'name="login"' in form[0]:
            fields |= {"login": user, "password": "x"}
        if abort and 'name="abort"' in text:
            fields["abort"] = "yes"
        target = urllib.parse.urljoin(page.url, form[1].replace("&amp;", "&"))
        body = urllib.parse.urlencode(fields).encode()
        try:
            page = opener.open(target, body, timeout=20)
        except urllib.error.HTTPError as e:
            return e.read().decode()
        if "abort" in fields:
            return page.read().decode()
    raise AssertionError(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--abort", action="store_true")
    parser.add_argument("--user", default="amina")
    args = parser.parse_args()
    visit(args.url, args.user, args.abort)
