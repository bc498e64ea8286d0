#!/usr/bin/env bash
# Looks from outside whether an installed site works: one line for each check, exit code 1 when one fails.
#
#   scripts/staging-smoke.sh staging.communityrule.info
#   scripts/staging-smoke.sh http://localhost:3000
#   EMAIL=you@example.org scripts/staging-smoke.sh HOST     also has a sign-in link mailed to you
#
# It changes nothing on the site. A new check is one line at the end of this file.
set -uo pipefail

if [[ $# -ne 1 ]]; then
    echo "Usage: [EMAIL=you@example.org] $0 HOST-OR-URL" >&2
    exit 2
fi
site=${1%/}
[[ $site == *://* ]] || site=https://$site

answer=$(mktemp -d)
trap 'rm -rf -- "$answer"' EXIT
failed=0

# ask PATH [curl's options]: sets `status`, and `problem` where there was no answer at all; fills the folder $answer.
ask() {
    local path=$1
    shift
    rm -f -- "$answer"/*
    touch "$answer/headers" "$answer/body"
    status=$(curl --silent --show-error --max-time 30 --dump-header "$answer/headers" --output "$answer/body" \
        --write-out '%{http_code}' "$@" "$site$path" 2>"$answer/problem")
    problem=$(head -n 1 "$answer/problem")
}

# header NAME: its value in the last answer.
header() {
    tr -d '\r' <"$answer/headers" | sed -n "s/^$1: *//Ip" | tail -n 1
}

# verdict WHAT GOT WANTED: WANTED is a regular expression for all of GOT.
verdict() {
    if [[ $2 =~ ^($3)$ ]]; then
        echo "ok    $1"
    else
        echo "FAIL  $1: got ${2:-nothing}${problem:+ ($problem)}, wanted $3"
        failed=1
    fi
}

# page PATH STATUS
page() {
    ask "$1" --header 'Accept: text/html'
    verdict "page $1" "$status $(header content-type)" "$2 text/html.*"
}

# json WHAT STATUS BODY: the last answer; BODY is a regular expression.
json() {
    verdict "$1" "$status $(head -c 300 "$answer/body")" "$2 $3"
}

# api PATH STATUS BODY
api() {
    ask "$1"
    json "$1" "$2" "$3"
}

# post PATH JSON [curl's options]
post() {
    ask "$1" --header 'Content-Type: application/json' --data "$2" "${@:3}"
}

# sends NAME VALUE: a header of the last answer.
sends() {
    verdict "header $1" "$(header "$1")" "$2"
}

api /api/health 200 '\{"ok":true,"database":"connected"\}'
api /api/auth/session 200 '\{"user":null\}'
api /api/rules 200 '\{"rules":\[.*'
api /api/drafts/me 401 '\{"error":\{"code":"unauthorized".*'
api /api/no-such-address 404 '\{"error":\{"code":"not_found".*'
post /api/auth/logout '{}' --header 'Origin: https://elsewhere.example'
json 'what another site sends is refused' 403 '\{"error":\{"code":"forbidden".*'
api /api/templates 200 '\{"templates":\[\{"id".*'
ask '/api/create-flow/methods?section=decisionApproaches&facet.size=sixToTwelve'
verdict 'methods are recommended' "$status $(grep -o '"score":[0-9]*' "$answer/body" | head -n 1)" '200 "score":[1-9][0-9]*'

page /rules 200
page /login 200
page /no-such-page 404
page / 200
sends content-security-policy ".*object-src 'none'.*frame-ancestors 'none'.*"
sends x-content-type-options nosniff
sends referrer-policy '.+'
sends x-request-id '.{8,}'
if [[ $site == https://* ]]; then
    sends strict-transport-security 'max-age=[0-9]{8,}.*'
fi
style=$(sed -n 's/.*<link rel="stylesheet" href="\([^"]*\)".*/\1/p' "$answer/body" | head -n 1)
ask "/${style#"$site"/}"
verdict "stylesheet" "$status $(header content-type)" '200 text/css.*'

# The way that links in mails and redirects name the site: scheme and host must be those that people use.
ask '/api/auth/magic-link/verify?token=no-such-token'
verdict "links name $site" "$(header location)" "${site//./\\.}/login\?error=invalid_link"

if [[ -n ${EMAIL:-} ]]; then
    post /api/auth/magic-link/request "{\"email\":\"$EMAIL\"}"
    json "a link for $EMAIL" 200 '\{"ok":true\}'
    [[ $status != 200 ]] || echo "      Open it from the inbox: it must begin with $site/ and sign you in."
fi

exit "$failed"
