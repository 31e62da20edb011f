# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the scripts share: how a failure becomes one sentence, and the release build. Whoever sources this has set $me (the script's
# name) and $log (where the output of commands goes), and stands in the topmost folder. It may set $instead (", or …"), another way
# for where the network is missing.
: "${me:?}" "${log:?}"

fail() {
	printf '%s: %s\n' "$me" "$*" >&2
	exit 1
}

need_space() { # folder, MiB, what for
	local free
	free=$(df -Pk "$1" 2>/dev/null | awk 'NR == 2 { print int($4 / 1024) }')
	[ -n "$free" ] || return 0
	[ "$free" -ge "$2" ] || fail "The disk that holds $1 has $free MiB free, and $3 need about $2 MiB: make room and run this again."
}

# The sentence for a command that failed, by what it wrote to the log.
explain() { # what failed
	if grep -qi 'no space left on device' "$log"; then
		fail "The disk is full: make room and run this again (log: $log)."
	elif grep -qiE 'unable to locate package|has no installation candidate' "$log"; then
		fail "A package is not in the configured sources: on Ubuntu enable 'universe', then run this again (log: $log)."
	elif grep -qiE 'could not get lock|is another process using it' "$log"; then
		fail "Another program is installing packages: wait until it is done and run this again."
	elif grep -qi 'certificate verify failed' "$log"; then
		fail "$1 failed because a certificate is not trusted: check the clock, and if a proxy has a certificate of its own set PIP_CERT to it, then run this again (log: $log)."
	elif grep -qiE 'could not resolve|temporary failure|failed to fetch|could not connect|connection (failed|timed out|refused)|unreachable|newconnectionerror|no matching distribution' "$log"; then
		fail "$1 failed because the network did not answer: check the connection and the proxy settings, then run this again${instead-} (log: $log)."
	fi
	fail "$1 failed: read $log, repair what it names, and run this again."
}

# Builds what is named into build/, as a release.
build_release() { # targets
	command -v meson >/dev/null || fail 'meson is not there: run ./script/setup first.'
	if [ ! -f build/build.ninja ]; then
		need_space . 500 'the build'
		printf '%s: configuring build/\n' "$me"
		meson setup build >"$log" 2>&1 || explain 'Configuring'
	fi
	if ! ninja -C build -n "$@" 2>/dev/null | grep -q 'no work to do'; then
		printf '%s: building (a few minutes on two cores)\n' "$me"
	fi
	ninja -C build "$@" >"$log" 2>&1 || explain 'Building'
}
