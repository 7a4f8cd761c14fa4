#!/bin/sh
# Says on a pull request what merging it would change on the hosts. For any CI; GitHub's action.yml uses it too.
#
#   PR_URL         the state repository, where the pull request is opened (https)
#   PR_BASE        the ref it goes into, such as refs/heads/main
#   PR_HEAD        the ref of its own commits: refs/pull/7/head, refs/merge-requests/7/head
#   PR_USER, PR_PASSWORD   to fetch with, where that is needed (x-access-token and a token; oauth2 and a token)
#   PR_WORK        an empty or missing folder to work in (default: a temporary one)
#   GITHUB_TOKEN or GITLAB_TOKEN   to say it with; without one the plan is only printed
#
# Arguments go on to `reconciler pr comment`. Nothing of the pull request is checked out or run: settings
# (reconciler.toml) come from the base, and the two commits are only read.
set -eu

: "${PR_URL:?the address of the state repository}"
: "${PR_BASE:?the ref that the pull request goes into}"
: "${PR_HEAD:?the ref of the pull request}"

if [ -z "${PR_WORK:-}" ]; then
    PR_WORK=$(mktemp -d)
    trap 'rm -rf "$PR_WORK"' EXIT
fi

if [ -n "${PR_PASSWORD:-}" ]; then
    # In the environment: arguments and files could be read by others.
    basic=$(printf '%s:%s' "${PR_USER:-git}" "$PR_PASSWORD" | base64 | tr -d '\n')
    export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="http.$PR_URL.extraHeader"
    export GIT_CONFIG_VALUE_0="Authorization: Basic $basic"
fi
export GIT_TERMINAL_PROMPT=0
git init --quiet "$PR_WORK"
git -C "$PR_WORK" fetch --quiet --no-tags "$PR_URL" "+$PR_BASE:refs/heads/base" "+$PR_HEAD:refs/heads/head"
unset GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_CONFIG_VALUE_0 basic PR_PASSWORD
git -C "$PR_WORK" -c core.hooksPath=/dev/null checkout --quiet base

cd "$PR_WORK"
reconciler pr comment --base base --head head "$@"
