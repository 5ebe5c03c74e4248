// SPDX-License-Identifier: Apache-2.0
import type { DebFile, DebOptions } from "../src/debian/testing/build-deb.ts";

/** Packages whose scripts do what scripts are known to do, and some things that none should. */

interface Odd {
  readonly depends?: string;
  readonly preDepends?: string;
  readonly files?: Readonly<Record<string, DebFile>>;
  /** Scripts without their first line, and other control files. */
  readonly control?: Readonly<Record<string, string>>;
}

const scripts = new Set(["preinst", "postinst", "config"]);

function odd(name: string, { depends, preDepends, files = {}, control = {} }: Odd): DebOptions {
  const texts = Object.entries(control).map(([file, text]) => [
    file,
    scripts.has(file) ? `#!/bin/sh\nset -e\n${text}` : text,
  ]);
  return {
    fields: {
      Package: name,
      Version: "1.0",
      Architecture: "all",
      ...(depends !== undefined && { Depends: depends }),
      ...(preDepends !== undefined && { "Pre-Depends": preDepends }),
    },
    files: { [`usr/share/doc/${name}/copyright`]: name, ...files },
    control: Object.fromEntries(texts),
  };
}

/** A file that the tests' preinst diverts, and a command that works once the package is configured. */
const tool = odd("odd-tool", {
  files: {
    "usr/bin/odd-tool": { type: "file", content: "#!/bin/sh\ncat /etc/odd-tool.state\n", mode: 0o755 },
    "usr/share/odd/shared": "of odd-tool\n",
  },
  control: { postinst: "echo configured >/etc/odd-tool.state\n" },
});

/** A preinst that counts on a configured package, diverts a file of it, and says what dpkg tells a preinst. */
const early = odd("odd-early", {
  preDepends: "odd-tool",
  files: { "usr/share/odd/shared": "of odd-early\n", "etc/odd-early.conf": "as shipped\n" },
  control: {
    conffiles: "/etc/odd-early.conf\n",
    preinst: `test "$(odd-tool)" = configured
test ! -e /usr/share/doc/odd-early
dpkg-divert --package odd-early --rename --divert /usr/share/odd/shared.diverted --add /usr/share/odd/shared
echo "$1 $DPKG_MAINTSCRIPT_PACKAGE $DPKG_MAINTSCRIPT_NAME $DPKG_MAINTSCRIPT_ARCH [$DPKG_ROOT]" >/etc/odd-early.preinst
`,
    postinst: "grep -qx 'as shipped' /etc/odd-early.conf\n",
  },
});

/** What maintainer scripts do to a system. */
const busy = odd("odd-busy", {
  depends: "adduser, libcap2-bin, attr, perl-base",
  files: {
    "usr/bin/odd-busy": { type: "file", content: "#!/bin/sh\n", mode: 0o755 },
    "usr/lib/odd/data/one": "1",
    "var/lib/odd": { type: "dir" },
  },
  control: {
    postinst: `adduser --system --group --no-create-home --home /var/lib/odd odd
dpkg-statoverride --update --add odd root 2750 /usr/bin/odd-busy
update-alternatives --install /usr/bin/odd odd /usr/bin/odd-busy 10
cp /bin/true /usr/lib/odd/capable; setcap cap_net_bind_service=ep /usr/lib/odd/capable
setfattr -n user.odd -v value /usr/lib/odd/data/one
rm /usr/share/base-files/info.dir; rm -r /usr/share/doc/base-files
mv /usr/lib/odd/data /var/lib/odd/data; ln -s ../../../var/lib/odd/data /usr/lib/odd/data
ln /usr/lib/odd/data/one /usr/lib/odd/again
chown odd: /var/lib/odd; chmod 2770 /var/lib/odd
mkfifo -m 600 /var/lib/odd/fifo
perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "/var/lib/odd/socket", Listen => 1) or die'
cd /var/lib/odd; : >'with space'; : >"$(printf 'line\\nfeed')"; : >"$(printf 'latin\\344')"
`,
  },
});

/** Sets off triggers of a package that is there already. */
const signal = odd("odd-signal", {
  files: { "usr/share/odd.d/one": "" },
  control: { triggers: "activate odd-signal\n", postinst: "dpkg-trigger --no-await odd-late\n" },
});

/** Says which triggers came; so large that it goes before the package that sets them off. */
const trigger = odd("odd-trigger", {
  files: { "usr/share/odd-trigger/large": "x".repeat(20_000), "var/lib/odd-trigger": { type: "dir" } },
  control: {
    triggers: "interest /usr/share/odd.d\ninterest odd-signal\ninterest-noawait odd-late\n",
    postinst: 'echo "$*" >>/var/lib/odd-trigger/log\n',
  },
});

/** Starts what must not be left running, and what must not start at all. */
const daemon = odd("odd-daemon", {
  control: {
    postinst: `code=0; /usr/sbin/policy-rc.d odd start || code=$?; echo "policy $code" >/etc/odd-daemon
start-stop-daemon --start --exec /bin/false
(setsid sh -c 'sleep 1; echo late >/etc/odd-late' >/dev/null 2>&1 &)
setsid sleep 1000 >/dev/null 2>&1 &
`,
  },
});

/** Fails where the answer is not the right one. */
const ask = odd("odd-ask", {
  depends: "debconf",
  control: {
    templates: `Template: odd-ask/word
Type: string
Default: none
Description: Which word?

Template: odd-ask/other
Type: string
Default: as before
Description: Another word?
`,
    config: `. /usr/share/debconf/confmodule
db_input high odd-ask/word || true
db_input low odd-ask/other || true
db_go || true
`,
    postinst: `. /usr/share/debconf/confmodule
db_get odd-ask/word; word=$RET
db_get odd-ask/other
if [ "$word" = wrong ]; then echo "the word is $word" >&2; exit 3; fi
echo "$word, $RET" >/etc/odd-ask
`,
  },
});

/** Asks what it has no default for. */
const quiz = odd("odd-quiz", {
  depends: "debconf",
  control: {
    templates: "Template: odd-quiz/realm\nType: string\nDescription: Which realm?\n",
    config: ". /usr/share/debconf/confmodule\ndb_input high odd-quiz/realm || true\ndb_go || true\n",
    postinst: '. /usr/share/debconf/confmodule\ndb_get odd-quiz/realm\necho "$RET" >/etc/odd-quiz\n',
  },
});

/** Leaves what the rules of determinism know of. */
const ruled = odd("odd-ruled", {
  depends: "passwd",
  control: {
    postinst: `date >>/var/log/odd-ruled.log
mkdir -p /etc/ssh /var/cache/man
head -c 32 /dev/urandom | base64 >/etc/ssh/ssh_host_odd_key
od -An -tx1 /dev/urandom -N16 | tr -d ' ' >/etc/machine-id
date +%s >/var/cache/man/index.db
useradd --system odd-ruled
sed -i "s/^\\(odd-ruled:[^:]*:\\)[^:]*/\\1$(($(date +%s) / 86400))/" /etc/shadow
`,
  },
});

/** Leaves what no rule may touch: its result depends on time, place and chance. */
const leaky = odd("odd-leaky", {
  control: {
    postinst: `mkdir /etc/odd-leaky
date >/etc/odd-leaky/date
uname -n >/etc/odd-leaky/name
nproc >/etc/odd-leaky/processors
od -An -tx1 /dev/urandom -N16 | tr -d ' ' >/etc/odd-leaky/number
(echo "-----BEGIN PRIVATE KEY-----"; head -c 32 /dev/urandom | base64) >/etc/odd-leaky/key.pem
`,
  },
});

const asking = [ask, quiz];

/** Needs nothing: for images without a shell. */
const plain = odd("odd-plain", {
  files: { "usr/lib/odd/plain": "plain\n", "var/lib/odd": { type: "dir" } },
  control: {
    postinst: `update-alternatives --install /usr/lib/odd/chosen odd-chosen /usr/lib/odd/plain 10
echo 'odd:x:500:500::/:/bin/false' >>/etc/passwd
echo made >/var/lib/odd/state
mkdir -p /etc/rc2.d; ln -s ../init.d/odd /etc/rc2.d/S01odd
`,
  },
});

export const oddPackages: readonly DebOptions[] = [
  tool,
  early,
  busy,
  trigger,
  signal,
  daemon,
  ...asking,
  ruled,
  leaky,
  plain,
];
