import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type HashAlgorithm, hashId } from 'node-tpm2-pts';
import { loadManifest } from '../../boot-configs/load.ts';
import type { Manifest } from '../../boot-configs/manifest.ts';
import type { EventLog } from '../../measurement/event-log/format.ts';
import { parseEventLog } from '../../measurement/event-log/parse.ts';
import { replay } from '../../measurement/event-log/replay.ts';
import { authenticodeDigests } from '../../measurement/firmware/authenticode.ts';
import { predictPcr4 } from '../../measurement/firmware/pcr4.ts';
import type { Parts } from '../../platform/demo/parts.ts';
import { snakeoilKey } from '../../platform/firmware/snakeoil.ts';
import { composeBootImage } from '../../platform/images/domb.ts';
import { parseEventLogPcr, parsePcrRead } from '../../platform/judge/tool-output.ts';
import { runProgram } from '../../platform/lib/run.ts';
import { parseAnswer } from '../../platform/machine/answers.ts';
import type { FirmwareOptions } from '../../platform/machine/boot-manifest.ts';
import type { Console } from '../../platform/machine/console.ts';
import { consoleOptions } from '../../platform/machine/machine.ts';
import { efiFile, enrolledKeys } from '../../platform/machine/ovmf.ts';
import { assertShown } from '../documentation/assert-shown.ts';
import { withFirmwareLog } from '../documentation/firmware-log.ts';
import { commandsIn } from '../documentation/table.ts';
import { Tree } from '../documentation/tree.ts';
import { domb } from '../lib/domb.ts';
import { counted, exampleManifest, outputDirectory, parts, withMachine } from './support.ts';

/** What the demo boots: it has a recovery domain, which does not run here. */
const manifestFile = join(import.meta.dirname, '../../boot-configs/firmware.yaml');

/** PCRs that belong to firmware. */
const firmwarePcrs = [0, 1, 2, 3, 4, 5, 6, 7];

let built: Parts;
let scratch: string;
before(async () => {
  built = await parts();
  scratch = await mkdtemp(join(tmpdir(), 'firmware-'));
});
after(() => rm(scratch, { recursive: true }));

describe('firmware starts the platform from one EFI file, in "npm run demo -- --firmware"', () => {
  const directory = outputDirectory('firmware');
  const at = (name: string) => join(directory, name);
  const application = at(efiFile);
  let tree: Tree;
  let manifest: Manifest;
  let demo: { status: number; said: string };
  let held: (pcr: number) => Map<string, string>;
  let log: EventLog;
  before(async () => {
    manifest = loadManifest(await readFile(manifestFile), manifestFile);
    tree = await Tree.make(await readFile(manifestFile, 'utf8'), at('images'));
    // What it leaves is to be found when the tree is gone.
    await mkdir(directory, { recursive: true });
    await mkdir(join(tree.directory, 'out'));
    await symlink(directory, join(tree.directory, 'out/demo'));
    const [command = assert.fail('nobody documents it')] = commandsIn('proof');
    demo = await counted('firmware', () => tree.run(command));
    assertShown(command, demo);
    const serial = (await readFile(at('serial.log'), 'latin1')).replaceAll('\r', '');
    const pcrs = parseAnswer(serial, 'pcrs')?.output ?? assert.fail('dom0 read no PCRs');
    held = (pcr) => parsePcrRead(pcrs, pcr);
    log = parseEventLog(await readFile(at('fresh-evidence/firmware.log')));
  });
  after(() => tree?.remove());

  test('which comes up, measured and labelled, and is proven', async () => {
    const { ok, checks, domains } = JSON.parse(await readFile(at('result.json'), 'utf8'));
    assert.deepEqual(
      checks.filter((check: { ok: boolean }) => !check.ok),
      [],
    );
    assert.equal(ok, true);
    assert.equal(domains.length, manifest.domains.length);
    assert.match(demo.said, /^ {2}PROVEN: /m);
    assert.doesNotMatch(demo.said, /^ {2}(gap|waived) /m);
  });

  for (const each of commandsIn('proof').slice(1)) {
    test(`as documented: ${each.command}`, async () => assertShown(each, await tree.run(each)));
  }

  test('and leaves the predicted PCR 4, in every bank', async () => {
    const { values } = await predictPcr4(application);
    assert.deepEqual([...held(4).keys()], ['sha1', 'sha256', 'sha384', 'sha512']);
    for (const [bank, value] of held(4)) {
      assert.equal(value, values.get(bank as HashAlgorithm)?.toString('hex'), bank);
    }
  });

  test('its log, as dom0 has it, replays to PCRs 0 to 7 in every bank', () => {
    assert.deepEqual(
      log.algorithms.map(({ name }) => name),
      [...held(0).keys()],
    );
    for (const { name } of log.algorithms) {
      const values = replay(log.events, name as HashAlgorithm);
      assert.deepEqual([...values.keys()].sort(), firmwarePcrs);
      for (const [pcr, value] of values) {
        assert.equal(value.toString('hex'), held(pcr).get(name as string), `${name} ${pcr}`);
      }
    }
  });

  test('domB hands it over as it is', async () => {
    const handed = await readFile(at('evidence/firmware.log'));
    const seen = await readFile(at('fresh-evidence/firmware.log'));
    assert.ok(handed.equals(seen), `${handed.length} bytes, dom0 sees ${seen.length}`);
  });

  test('domB hands over one log from reset to start, which replays to its PCRs and to those of firmware', async () => {
    const merged = await readFile(at('evidence/platform.log'));
    const { algorithms, events } = parseEventLog(merged);
    const { pcr, bootPcr } = manifest.platform.measurement;
    for (const { name } of algorithms) {
      const values = replay(events, name as HashAlgorithm);
      for (const register of [...firmwarePcrs, pcr, bootPcr]) {
        const value = values.get(register)?.toString('hex');
        assert.equal(value, held(register).get(name as string), `${name} ${register}`);
      }
    }
  });

  test('and so says tpm2_eventlog', async () => {
    const text = await runProgram('tpm2_eventlog', [at('fresh-evidence/firmware.log')]);
    for (const pcr of firmwarePcrs) assert.deepEqual(parseEventLogPcr(text, pcr), held(pcr));
  });

  test('with the predicted events in PCR 4, and the end of boot services in PCR 5', async () => {
    const { events } = await predictPcr4(application);
    const brief = (pcr: number, list: EventLog['events']) =>
      list
        .filter((event) => event.pcr === pcr)
        .map(({ type, digests }) => [type, digests.get(hashId('sha256'))?.toString('hex')]);
    assert.deepEqual(brief(4, log.events), brief(4, events));
    // Firmware measures this after the log was copied; it comes from the table of final events.
    const last = log.events.at(-1);
    assert.equal(last?.data.toString('latin1'), 'Exit Boot Services Returned with Success');
  });

  describe('and the command line agrees:', () => {
    const known = ['--images', at('images'), '--efi', application, '--secure-boot', enrolledKeys];

    test('"domb image --efi" makes the same file, but for the time in its signature', async () => {
      const output = join(scratch, 'domb.efi');
      const { key, certificate } = await snakeoilKey(scratch);
      // Where the demo ran: daemon and library are bundled from there.
      const image = [
        ...['domb', 'image', manifestFile, '--efi', '--efi-key', key, '--efi-cert', certificate],
        ...['--images', at('images'), '--output', output],
        ...['--xen-options', `'${consoleOptions.join(' ')}'`, '--secure-boot', enrolledKeys],
      ];
      const { status, said } = await tree.run({ command: image.join(' '), where: 'proof' });
      assert.equal(status, 0, said);
      const digests = (path: string) => authenticodeDigests(path, ['sha256', 'sha512']);
      assert.deepEqual(await digests(output), await digests(application));
      for (const pcr of [4, 7]) assert.ok(said.includes(`sha256:${held(pcr).get('sha256')}`), said);
    });

    test('"domb predict --efi --secure-boot" has the values that the TPM held, in every bank', async () => {
      const { status, said } = await command('predict', manifestFile, ...known, '--json');
      assert.equal(status, 0, said);
      const { pcrs } = JSON.parse(said);
      for (const pcr of [4, 7, manifest.platform.measurement.pcr]) {
        assert.equal(held(pcr).size, 4);
        for (const [bank, value] of held(pcr)) assert.equal(pcrs[bank][pcr], value, bank);
      }
    });

    test('"domb log" replays the firmware\'s log and the merged one to them', async () => {
      const { pcr, bootPcr } = manifest.platform.measurement;
      for (const [log, registers] of [
        ['fresh-evidence/firmware.log', firmwarePcrs],
        ['evidence/platform.log', [...firmwarePcrs, pcr, bootPcr]],
      ] as const) {
        const { status, said } = await command('log', at(log));
        assert.equal(status, 0, said);
        assert.match(said, / PCR 4 .* EV_EFI_BOOT_SERVICES_APPLICATION /);
        assert.match(said, / EV_EFI_VARIABLE_DRIVER_CONFIG +[0-9a-f]{64} {2}SecureBoot: on\n/);
        assert.doesNotMatch(said, /NOT WHAT WAS MEASURED/);
        for (const register of registers) {
          for (const [bank, value] of held(register)) {
            const line = `${String(register).padStart(6)}  ${value}\n`;
            assert.ok(said.includes(line), `${log} ${bank} ${register}`);
          }
        }
      }
    });

    for (const each of commandsIn('firmware')) {
      test(`as documented: ${each.command}`, () => {
        assertShown(each, withFirmwareLog(at('fresh-evidence/firmware.log'), each));
      });
    }

    test('"domb verify --efi" finds PCR 4 of the boot right, and refuses it for another file', async () => {
      const verify = (...files: string[]) =>
        command(
          ...['verify', at('evidence'), '--boot', '--manifest', manifestFile],
          ...['--policy', at('policy'), ...files],
        );
      const { status, said } = await verify(...known);
      assert.equal(status, 4, said);
      assert.match(said, /^ok {11}PCR 4: as expected in (sha\d+(, |$)){4}/m);
      assert.match(said, /^NOT PROVEN: .*: nonce, key$/m);
      assert.match(said, /^note {9}the firmware, PCR 0 to 3, 5, 6: compared with nothing$/m);
      const other = await verify('--images', at('images'), '--efi', built.xenEfi);
      assert.equal(other.status, 3);
      assert.match(other.said, /^WRONG {8}PCR 4 differs in bank sha256: /m);
    });
  });
});

/** Runs `domb` with these arguments; what it said on both channels. */
async function command(...argv: string[]) {
  const { status, out, error } = await domb(argv);
  return { status, said: error + out };
}

/** Starts an example whose first lines on the console are looked at: it never gets to read images, and there are none but scripts. */
async function start(
  name: string,
  firmware: FirmwareOptions,
  look: (console: Console) => Promise<unknown>,
  script?: string,
): Promise<void> {
  const minimal = await exampleManifest('minimal');
  const images = new Map<string, Uint8Array>();
  const scripts: string[] = [];
  if (script !== undefined) {
    const path = `${script}.ts`;
    images.set(path, await readFile(join(import.meta.dirname, '../../boot-configs/scripts', path)));
    scripts.push(`scripts: [{ name: ${script}, run: ${path}, at: before_planning }]\n`);
  }
  const manifest = Buffer.from(`${minimal}${scripts.join('')}`);
  const settings = { pcr: 13, bootPcr: 12, onFailure: 'halt' } as const;
  const initramfs = await composeBootImage(manifest, settings, images);
  const options = { parts: built, initramfs, firmware };
  await withMachine(name, options, (machine) => look(machine.console));
}

test('load options change nothing that the file says', async () => {
  // The loader's own come first: -help would end the boot, and -mapbs change what is RAM.
  const loadOptions = '-help -mapbs -basevideo other -- flask=permissive no-such-option';
  await start('firmware-load-options', { loadOptions }, async (console) => {
    const line = await console.waitFor(/\(XEN\) Command line:/, 300_000);
    assert.match(line.text, / boot-domain /);
    assert.doesNotMatch(line.text, /permissive|no-such-option/);
    const map = await console.waitFor(/\(XEN\) EFI memory map:/, 60_000);
    assert.doesNotMatch(map.text, /BootServices/);
    await console.waitFor(/Flask: +Starting in enforcing mode/i, 60_000, /permissive mode/i);
  });
});

describe('firmware with Secure Boot', () => {
  test('starts a file that is signed with an enrolled key, and a boot script knows that it did', async () => {
    const firmware = { secureBoot: true, key: await snakeoilKey(scratch) };
    const look = async (console: Console) => {
      await console.waitFor(/domb: .* phase "open" done/, 300_000, /failed to load/);
      // Debian's kernel locks itself down then, and the memory where PCI devices show themselves cannot be read.
      await console.waitFor(
        /look at machine: .*secureBoot, .*no pci \(Linux is locked down/,
        120_000,
      );
      await console.waitFor(/machine: reads secureBoot, which is measured/, 60_000);
      await console.waitFor(/machine: Secure Boot: true; 0 functions of PCI/, 60_000);
    };
    await start('firmware-signed', firmware, look, 'machine');
  });

  test('does not start a file without a signature', async () => {
    await start('firmware-unsigned', { secureBoot: true }, (console) =>
      console.waitFor(/failed to load Boot.*Access Denied/, 300_000, /Xen version/),
    );
  });
});
