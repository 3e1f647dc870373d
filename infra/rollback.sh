#!/usr/bin/env bash
# Keep the code of the deployed functions, and go back to it.
#
#   infra/rollback.sh save ENVIRONMENT    publish the deployed code as a version of each function (make deploy does it)
#   infra/rollback.sh back ENVIRONMENT    deploy the newest published version whose code differs (make rollback)
#
# A version keeps code and configuration; only the code is deployed again. The stack
# is not changed: the next deployment of other code ends the rollback.
set -euo pipefail
action=${1:-} environment=${2:-}
[[ $action =~ ^(save|back)$ && $environment =~ ^[a-z][a-z0-9-]{0,19}$ ]] || {
  echo "usage: infra/rollback.sh save|back ENVIRONMENT" >&2
  exit 2
}
keep=5 # versions of each function

# versions lists the published versions of a function, oldest first: number and hash of the code.
versions() {
  aws lambda list-versions-by-function --function-name "$1" --query 'Versions[?Version!=`$LATEST`].[Version,CodeSha256]' --output text | sort -n
}

save() {
  if ! aws lambda get-function-configuration --function-name "$1" --query CodeSha256 --output text >/dev/null 2>&1; then
    echo "$1 is not deployed yet: nothing to keep"
    return
  fi
  # Lambda publishes nothing if code and configuration are those of the newest version.
  echo "$1: kept as version $(aws lambda publish-version --function-name "$1" --query Version --output text)"
  versions "$1" | head -n -$keep | while read -r old _; do
    aws lambda delete-function --function-name "$1" --qualifier "$old"
  done
}

back() {
  local now version url zip
  now=$(aws lambda get-function-configuration --function-name "$1" --query CodeSha256 --output text)
  version=$(versions "$1" | awk -v now="$now" '$2 != now { last = $1 } END { print last }')
  if [[ -z $version ]]; then
    echo "$1: no version with other code is kept; deploy an earlier commit instead" >&2
    return 1
  fi
  url=$(aws lambda get-function --function-name "$1" --qualifier "$version" --query Code.Location --output text)
  zip=$(mktemp)
  curl -fsS -o "$zip" "$url"
  aws lambda update-function-code --function-name "$1" --zip-file "fileb://$zip" --query CodeSha256 --output text >/dev/null
  aws lambda wait function-updated --function-name "$1"
  rm -f "$zip"
  echo "$1: the code of version $version is deployed"
}

for name in eventrouter eventrouter-relay; do
  "$action" "$name-$environment"
done
