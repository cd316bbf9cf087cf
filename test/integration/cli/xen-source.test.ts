import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { domb, file } from '../../lib/domb.ts';
import { ramdiskWith } from '../../lib/ramdisk-with.ts';
import { elf, pvNotes } from '../../unit/boot-configs/elf-builder.ts';

const manifest = file('boot-configs/demo.yaml');
const [old, newer] = ['4.17.5+72-g01140da4e8-1', '4.17.10+1-gaaaaaaaaaa-0+deb12u1'];

/** apt as on a machine whose archive lists two versions of Xen; `has` are those whose files it has. */
const apt = (has: readonly string[]) => ({
  'apt-get': `case "$*" in
*indextargets*) echo 'http://mirror.example/debian bookworm main' ;;
*update*) [ ! -e "$OFFLINE" ] || { echo 'E: Failed to fetch http://mirror.example/InRelease  no route' >&2; exit 100; } ;;
*source*)
  version=\${*##*xen=}
  case ' ${has.join(' ')} ' in *" $version "*) echo "$version" >xen.dsc ;; *)
    echo "E: Failed to fetch http://mirror.example/xen_$version.dsc  404  Not Found [IP: 192.0.2.1 80]" >&2
    exit 100 ;;
  esac ;;
esac`,
  'apt-cache': `echo 'Version: ${old}'; echo 'Version: ${newer}'; echo 'Version: 4.20.4-1'`,
  // As far as a build gets here: the tree is none, so that nothing is compiled.
  'dpkg-source': 'echo "unpacks" >&2; exit 7',
});

interface Machine {
  directory: string;
  env: NodeJS.ProcessEnv;
}

/** A machine with an empty cache and these programs before its own. */
async function machine(t: TestContext, programs: Record<string, string>): Promise<Machine> {
  const directory = await mkdtemp(join(tmpdir(), 'xen-source-'));
  t.after(() => rm(directory, { recursive: true }));
  await mkdir(join(directory, 'bin'));
  for (const [name, body] of Object.entries(programs)) {
    await writeFile(join(directory, 'bin', name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  }
  await writeFile(join(directory, 'vmlinux'), elf({ notes: pvNotes }));
  for (const name of ['vtpm', 'dom0']) {
    await writeFile(join(directory, `${name}.cpio.zst`), ramdiskWith(name));
  }
  const { DOMB_XEN_VERSION: _, ...rest } = process.env;
  const env = {
    ...rest,
    PATH: `${join(directory, 'bin')}:${process.env.PATH}`,
    OFFLINE: join(directory, 'offline'),
    XDG_CACHE_HOME: join(directory, 'cache'),
  };
  return { directory, env };
}

const image = ({ directory, env }: Machine, more: readonly string[], added = {}) =>
  domb(['image', manifest, '--images', directory, '--efi', '-o', join(directory, 'o'), ...more], {
    env: { ...env, ...added },
  });

test('a version that is not the newest is refused, unless it is named', async (t) => {
  const here = await machine(t, apt([old]));
  const refused = await image(here, []);
  assert.equal(refused.status, 1);
  assert.match(refused.error, /^Xen 4\.17\.5\+72-g01140da4e8-1, from Debian bookworm$/m);
  assert.ok(
    refused.error.includes(
      `Xen ${old} is not the newest that Debian lists:\n  ${newer}: http://mirror.example/xen_${newer}.dsc: 404 Not Found`,
    ),
    refused.error,
  );
  assert.match(
    refused.error,
    /hint: --xen-version 4\.17\.5\+72-g01140da4e8-1 takes it all the same/,
  );
  assert.doesNotMatch(refused.error, /unpacks/);

  const other = await image(here, ['--xen-version', newer]);
  assert.match(
    other.error,
    /Xen 4\.17\.10\S+ is not what Debian's archive gives: that is 4\.17\.5/,
  );

  for (const named of [
    await image(here, ['--xen-version', old]),
    await image(here, [], { DOMB_XEN_VERSION: old }),
  ]) {
    assert.match(named.error, /unpacks/);
    assert.doesNotMatch(named.error, /not the newest/);
  }
});

test('a newer version that our series does not fit is refused by name, and the one before it taken', async (t) => {
  const here = await machine(t, {
    ...apt([old, newer]),
    'dpkg-source': `grep -q ${newer} "$2" && exec mkdir "$3"; echo unpacks >&2; exit 7`,
  });
  const refused = await image(here, []);
  assert.equal(refused.status, 1);
  assert.ok(
    refused.error.includes(
      `Xen ${old} is not the newest that Debian lists:\n  ${newer}: our series does not fit Xen ${newer} from Debian bookworm: 0001-`,
    ),
    refused.error,
  );
  assert.match((await image(here, ['--xen-version', old])).error, /unpacks/);
});

test('the newest that there is needs no name', async (t) => {
  const here = await machine(t, apt([old, newer]));
  const taken = await image(here, []);
  assert.match(taken.error, /^Xen 4\.17\.10\+1-gaaaaaaaaaa-0\+deb12u1, from Debian bookworm$/m);
  assert.match(taken.error, /unpacks/);
});

test('an archive that can not be asked: the last answer counts, and is not taken for the newest', async (t) => {
  const here = await machine(t, apt([old, newer]));
  await image(here, []);
  await writeFile(here.env.OFFLINE ?? '', '');
  const today = await image(here, []);
  assert.match(today.error, /unpacks/);
  // As if that had been another day.
  const answers = join(here.env.XDG_CACHE_HOME ?? '', 'domb/source-xen-answer');
  const [answer = ''] = await readdir(answers);
  await rename(join(answers, answer), join(answers, '0123456789abcdef'));
  const later = await image(here, []);
  assert.equal(later.status, 1);
  assert.match(later.error, /whether Xen 4\.17\.10\S+ is the newest is not known: .*no route/);
  assert.match((await image(here, ['--xen-version', newer])).error, /unpacks/);
});

test("a builder's own tree is Xen of the series' release, or refused by name", async (t) => {
  const here = await machine(t, {});
  const tree = join(here.directory, 'tree');
  await mkdir(join(tree, 'xen'), { recursive: true });
  const own = () => image(here, ['--xen-source', tree]);
  assert.match((await own()).error, /holds no source of Xen: xen\/Makefile names no version/);
  const makefile = (minor: number) =>
    `export XEN_VERSION       = 4\nexport XEN_SUBVERSION    = ${minor}\nexport XEN_EXTRAVERSION ?= .3$(XEN_VENDORVERSION)\n`;
  await writeFile(join(tree, 'xen/Makefile'), makefile(18));
  assert.match((await own()).error, /tree: is Xen 4\.18\.3, and our series is for 4\.17/);
  await writeFile(join(tree, 'xen/Makefile'), makefile(17));
  const unfit = await own();
  assert.equal(unfit.status, 1);
  assert.match(unfit.error, /^Xen 4\.17\.3, from .*tree$/m);
  assert.match(unfit.error, /our series does not fit Xen 4\.17\.3 from .*tree/);
  assert.match(unfit.error, /hint: bring .*0001-\S+\.patch onto it/);
  const both = await image(here, ['--xen-source', tree, '--xen-version', old]);
  assert.equal(both.status, 2);
});
