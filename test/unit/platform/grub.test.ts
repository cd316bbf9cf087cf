/** What domb asks of GRUB's tools, which are shell scripts here that keep an environment block as GRUB's do. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, type TestContext, test } from 'node:test';
import { Grub } from '../../../platform/host/grub.ts';
import { hostPlaces } from '../../../platform/host/places.ts';

const [ONE, TWO] = ['0123456789ab', 'ba9876543210'];

const tools: Readonly<Record<string, string>> = {
  'grub-editenv': `file=$BLOCK
case $2 in
  list) cat "$file" ;;
  unset) grep -v "^$3=" "$file" >"$file.new"; mv "$file.new" "$file" ;;
esac`,
  'grub-set-default': 'grub-editenv - unset saved_entry; echo "saved_entry=$1" >>"$BLOCK"',
  'grub-reboot': 'grub-editenv - unset next_entry; echo "next_entry=$1" >>"$BLOCK"',
  'update-grub': 'echo "$@" >>"$BLOCK.updates"',
};

let grub: Grub;
let place: string;
let path: string | undefined;
const block = () => readFileSync(join(place, 'boot/grub/grubenv'), 'utf8').trim().split('\n');
const setting = () => join(place, 'etc/default/grub.d/domb.cfg');

beforeEach((t) => {
  place = mkdtempSync(join(tmpdir(), 'domb-grub-'));
  for (const name of ['bin', 'boot/grub', 'etc/default/grub.d', 'etc/grub.d']) {
    mkdirSync(join(place, name), { recursive: true });
  }
  for (const [name, text] of Object.entries(tools)) {
    writeFileSync(join(place, 'bin', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
  writeFileSync(join(place, 'boot/grub/grubenv'), '# GRUB Environment Block\n');
  writeFileSync(join(place, 'etc/default/grub'), 'GRUB_DEFAULT=0\nGRUB_TIMEOUT=5\n');
  writeFileSync(join(place, 'etc/grub.d/42_domb'), '');
  path = process.env.PATH;
  process.env.PATH = `${join(place, 'bin')}:${path}`;
  process.env.BLOCK = join(place, 'boot/grub/grubenv');
  grub = new Grub(hostPlaces(place));
  (t as TestContext).after(() => {
    process.env.PATH = path;
    rmSync(place, { recursive: true });
  });
});

test('the default stays what it was until a release is good, and comes back', async () => {
  await grub.check();
  await grub.begin();
  assert.match(readFileSync(setting(), 'utf8'), /^GRUB_DEFAULT=saved\nGRUB_SAVEDEFAULT=false$/m);
  assert.ok(block().includes('saved_entry=0'));
  // Once more, as with a second installation: what was the default is not asked of our own file.
  await grub.promote(ONE);
  await grub.begin();
  assert.ok(block().includes(`saved_entry=domb-${ONE}`));
  await grub.leave();
  assert.ok(!existsSync(setting()));
  assert.deepEqual(block(), ['# GRUB Environment Block']);
});

test('a default that was in the environment block already stays there', async () => {
  writeFileSync(join(place, 'etc/default/grub.d/own.cfg'), 'GRUB_DEFAULT=saved\n');
  writeFileSync(join(place, 'boot/grub/grubenv'), 'saved_entry=debian\nother=1\n');
  await grub.begin();
  assert.deepEqual(block(), ['saved_entry=debian', 'other=1']);
  await grub.leave();
  assert.deepEqual(block(), ['saved_entry=debian', 'other=1']);
});

test('a release is tried once; what was tried, and what not, is seen', async () => {
  await grub.tryOnce(ONE);
  assert.deepEqual(await grub.seen(), { pending: true });
  // As GRUB and our entry of its menu do at the boot.
  writeFileSync(
    join(place, 'boot/grub/grubenv'),
    `next_entry=\ndomb_booted=${ONE}\ndomb_tried=${ONE}\n`,
  );
  assert.deepEqual(await grub.seen(), { booted: ONE, tried: ONE, pending: false });
  await grub.tryOnce(TWO);
  assert.deepEqual(await grub.seen(), { booted: ONE, pending: true });
  await grub.forget();
  assert.deepEqual(await grub.seen(), { booted: ONE, pending: false });
  await grub.promote(TWO);
  assert.deepEqual(await grub.seen(), { booted: ONE, default: TWO, pending: false });
  await grub.leave();
  assert.deepEqual(block(), ['']);
});

test('where GRUB cannot be used, that is said before anything is changed', async () => {
  rmSync(join(place, 'boot/grub/grubenv'));
  await assert.rejects(grub.check(), /grubenv is missing/);
  // Nothing was begun, so that there is nothing to take back.
  await grub.leave();
  rmSync(join(place, 'etc/grub.d/42_domb'));
  await assert.rejects(grub.check(), /42_domb is missing/);
  process.env.PATH = '/usr/bin:/bin';
  rmSync(join(place, 'bin/grub-reboot'));
  await assert.rejects(grub.check(), /is missing: GRUB is not what boots this host/);
});
