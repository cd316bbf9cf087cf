/** What domb asks of firmware, by efibootmgr, which is a shell script here that keeps boot options as firmware does. */
import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { xenCommandLineOf } from '../../../measurement/firmware/xen-options.ts';
import { EfiEntries, parseBootOptions } from '../../../platform/host/efi-entries.ts';
import { hostPlaces } from '../../../platform/host/places.ts';
import { releaseFiles } from '../../../platform/host/release.ts';
import { buildPe } from '../../lib/pe-builder.ts';

const [ONE, TWO] = ['0123456789ab', 'ba9876543210'];

test('boot options are read as old and new versions of efibootmgr show them', () => {
  const text = `BootNext: 0004
BootCurrent: 0001
Timeout: 0 seconds
BootOrder: 0001,0000,0003
Boot0000* UiApp
Boot0001* debian\tHD(1,GPT,0000)/File(\\EFI\\debian\\shimx64.efi)
Boot0003  EFI Internal Shell\tFvVol(7cb8)/FvFile(7c04)
Boot0004* domB 0123456789ab\tHD(1,GPT,0000)/File(\\EFI\\domb\\0123456789ab.efi)
`;
  const options = parseBootOptions(text);
  assert.deepEqual(
    { ...options, labels: [...options.labels] },
    {
      current: '0001',
      next: '0004',
      order: ['0001', '0000', '0003'],
      labels: [
        ['0000', 'UiApp'],
        ['0001', 'debian'],
        ['0003', 'EFI Internal Shell'],
        ['0004', 'domB 0123456789ab'],
      ],
    },
  );
  const none = parseBootOptions('No BootOrder is set; firmware will attempt recovery\n');
  const { current, next, order, labels } = none;
  assert.deepEqual([current, next, order, labels.size], [undefined, undefined, [], 0]);
});

const tools: Readonly<Record<string, string>> = {
  findmnt: '[ "$3" != /boot/efi ] || echo /dev/sda1 vfat',
  efibootmgr: `cd "$FIRMWARE"
[ $# != 0 ] || {
  for name in BootNext BootCurrent BootOrder; do [ ! -e $name ] || echo "$name: $(cat $name)"; done
  for file in Boot0*; do printf '%s* %s\\tHD(1)\\n' "$file" "$(cat "$file")"; done
  exit
}
shift
case $1 in
  --bootnext) echo "$2" >BootNext ;;
  --delete-bootnext) rm BootNext ;;
  --bootorder) echo "$2" >BootOrder ;;
  --bootnum) rm "Boot$2" ;;
  --create-only)
    number=1
    while [ -e Boot000$number ]; do number=$((number + 1)); done
    echo "$3 $5" >created
    shift 5
    echo "$2" >Boot000$number ;;
esac`,
};

function firmware(t: TestContext) {
  const place = mkdtempSync(join(tmpdir(), 'domb-efi-'));
  const places = hostPlaces(place);
  for (const name of ['bin', 'firmware', 'boot/efi/EFI']) {
    mkdirSync(join(place, name), { recursive: true });
  }
  for (const [name, text] of Object.entries(tools)) {
    writeFileSync(join(place, 'bin', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
  const path = process.env.PATH;
  process.env.PATH = `${join(place, 'bin')}:${path}`;
  process.env.FIRMWARE = join(place, 'firmware');
  t.after(() => {
    process.env.PATH = path;
    rmSync(place, { recursive: true });
  });
  const disk = join(place, 'sys/devices/pci/sda');
  mkdirSync(join(disk, 'sda1'), { recursive: true });
  writeFileSync(join(disk, 'sda1/partition'), '1\n');
  mkdirSync(join(place, 'sys/class/block'), { recursive: true });
  symlinkSync(join(disk, 'sda1'), join(place, 'sys/class/block/sda1'));
  const variable = (name: string) => join(place, 'firmware', name);
  writeFileSync(variable('Boot0001'), 'debian\n');
  writeFileSync(variable('BootCurrent'), '0001\n');
  writeFileSync(variable('BootOrder'), '0001\n');
  const xenEfi = join(place, 'xen.efi');
  writeFileSync(xenEfi, buildPe());
  const release = (name: string) => {
    const directory = join(places.releases, name);
    mkdirSync(directory, { recursive: true });
    for (const file of Object.values(releaseFiles)) writeFileSync(join(directory, file), file);
    writeFileSync(join(directory, releaseFiles.xenOptions), 'boot-domain console=com1\n');
  };
  return {
    entries: new EfiEntries(places, { xenEfi }),
    release,
    remove: (name: string) => rmSync(join(places.releases, name), { recursive: true }),
    set: (name: string, text: string) => writeFileSync(variable(name), `${text}\n`),
    get: (name: string) => readFileSync(variable(name), 'utf8').trim(),
    options: () => readdirSync(join(place, 'firmware')).filter((name) => /^Boot0/.test(name)),
    files: () => readdirSync(join(place, 'boot/efi/EFI/domb')).sort(),
    file: (name: string) => join(place, 'boot/efi/EFI/domb', name),
    directories: () => readdirSync(join(place, 'boot/efi/EFI')),
  };
}

test('a release is one file and a boot option, tried once, first when it was good, and gone with it', async (t) => {
  const { entries, ...at } = firmware(t);
  at.release(ONE);
  await entries.refresh();
  assert.deepEqual(at.files(), [`${ONE}.efi`]);
  const made = readFileSync(at.file(`${ONE}.efi`));
  assert.match(`${await xenCommandLineOf(at.file(`${ONE}.efi`))}`, /boot-domain console=com1/);
  assert.ok(made.includes(releaseFiles.initramfs));

  await entries.tryOnce(ONE);
  assert.equal(at.get('Boot0002'), `domB ${ONE}`);
  assert.equal(at.get('created'), '/dev/sda 1');
  assert.equal(at.get('BootNext'), '0002');
  assert.equal(at.get('BootOrder'), '0001');
  assert.deepEqual(await entries.seen(ONE), { pending: true });

  // As firmware does at the boot.
  await entries.forget();
  at.set('BootCurrent', '0002');
  assert.deepEqual(await entries.seen(ONE), { booted: ONE, tried: ONE, pending: false });
  await entries.promote(ONE);
  assert.equal(at.get('BootOrder'), '0002,0001');
  const { default: standard } = await entries.seen();
  assert.equal(standard, ONE);

  at.release(TWO);
  await entries.refresh();
  await entries.tryOnce(TWO);
  assert.equal(at.get('BootNext'), '0003');
  at.remove(TWO);
  await entries.forget();
  await entries.refresh();
  assert.deepEqual(at.files(), [`${ONE}.efi`]);
  assert.deepEqual(at.options(), ['Boot0001', 'Boot0002']);

  await entries.tryOnce(ONE);
  await entries.leave();
  assert.deepEqual(at.options(), ['Boot0001']);
  assert.deepEqual(at.directories(), []);
  assert.throws(() => at.get('BootNext'));
});
