import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type HashAlgorithm, hashId } from 'node-tpm2-pts';
import { domb } from '../../cli/domb.ts';
import type { EventLog } from '../../measurement/event-log/format.ts';
import { parseEventLog } from '../../measurement/event-log/parse.ts';
import { replay } from '../../measurement/event-log/replay.ts';
import { predictPcr4 } from '../../measurement/firmware/pcr4.ts';
import type { Parts } from '../../platform/demo/parts.ts';
import type { PlatformRun } from '../../platform/demo/platform-run.ts';
import { parseEventLogPcr, parsePcrRead } from '../../platform/demo/tool-output.ts';
import { buildBootImage } from '../../platform/images/domb.ts';
import { run } from '../../platform/lib/run.ts';
import { bootManifest, type FirmwareOptions } from '../../platform/machine/boot-manifest.ts';
import { consoleOptions } from '../../platform/machine/machine.ts';
import { efiFile } from '../../platform/machine/ovmf.ts';
import { boot, exampleManifest, failedChecks, outputDirectory, parts } from './support.ts';

/** PCRs that belong to firmware. */
const firmwarePcrs = [0, 1, 2, 3, 4, 5, 6, 7];

let built: Parts;
let scratch: string;
before(async () => {
  built = await parts();
  scratch = await mkdtemp(join(tmpdir(), 'firmware-'));
});
after(() => rm(scratch, { recursive: true }));

describe('firmware starts the platform from one EFI file', () => {
  const application = join(outputDirectory('firmware'), efiFile);
  let platform: PlatformRun;
  let held: (pcr: number) => Map<string, string>;
  let log: EventLog;
  before(async () => {
    const manifest = await exampleManifest('demo');
    platform = await boot('firmware', manifest, { parts: built, firmware: {} });
    const answer = (name: string) => platform.answers.get(name)?.output ?? '';
    held = (pcr) => parsePcrRead(answer('pcrs'), pcr);
    const bytes = Buffer.from(answer('firmware-log'), 'base64');
    await writeFile(join(outputDirectory('firmware'), 'firmware.log'), bytes);
    log = parseEventLog(bytes);
  });

  test('which comes up, measured and labelled', () => {
    assert.deepEqual(failedChecks(platform), []);
  });

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

  test('domB hands over one log from reset to start, which replays to its PCRs and to those of firmware', async () => {
    const merged = await readFile(join(outputDirectory('firmware'), 'evidence/platform.log'));
    const { algorithms, events } = parseEventLog(merged);
    const { pcr, bootPcr } = platform.manifest.platform.measurement;
    for (const { name } of algorithms) {
      const values = replay(events, name as HashAlgorithm);
      for (const register of [...firmwarePcrs, pcr, bootPcr]) {
        const value = values.get(register)?.toString('hex');
        assert.equal(value, held(register).get(name as string), `${name} ${register}`);
      }
    }
  });

  test('and so says tpm2_eventlog', async () => {
    const text = await run('tpm2_eventlog', [join(outputDirectory('firmware'), 'firmware.log')]);
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
    const manifest = join(import.meta.dirname, '../../boot-configs/demo.yaml');
    const images = () => join(scratch, 'images');
    before(async () => {
      await run('mkdir', [images()]);
      for (const [name, path] of built.images) await symlink(path, join(images(), name));
    });

    test('"domb image --efi" makes the same file', async () => {
      const output = join(scratch, 'domb.efi');
      const { status, said } = await command(
        ...['image', manifest, '--efi'],
        ...['--images', images(), '--output', output, '--xen-options', consoleOptions.join(' ')],
      );
      assert.equal(status, 0, said);
      assert.ok((await readFile(output)).equals(await readFile(application)), 'other bytes');
      assert.ok(said.includes(`sha256:${held(4).get('sha256')}`), said);
    });

    test('"domb predict --efi" has the values that the TPM held', async () => {
      const options = ['--images', images(), '--efi', application, '--json'];
      const { status, said } = await command('predict', manifest, ...options);
      assert.equal(status, 0, said);
      const { pcrs } = JSON.parse(said);
      for (const pcr of [4, platform.manifest.platform.measurement.pcr]) {
        for (const [bank, value] of held(pcr)) assert.equal(pcrs[bank][pcr], value, bank);
      }
    });

    test('"domb log" replays the firmware\'s log and the merged one to them', async () => {
      const { pcr, bootPcr } = platform.manifest.platform.measurement;
      for (const [log, registers] of [
        ['firmware.log', firmwarePcrs],
        ['evidence/platform.log', [...firmwarePcrs, pcr, bootPcr]],
      ] as const) {
        const { status, said } = await command('log', join(outputDirectory('firmware'), log));
        assert.equal(status, 0, said);
        assert.match(said, / PCR 4 .* EV_EFI_BOOT_SERVICES_APPLICATION /);
        assert.match(said, / EV_EFI_VARIABLE_DRIVER_CONFIG +SecureBoot\n/);
        assert.doesNotMatch(said, /NOT WHAT WAS MEASURED/);
        for (const register of registers) {
          for (const [bank, value] of held(register)) {
            const line = `${String(register).padStart(6)}  ${value}\n`;
            assert.ok(said.includes(line), `${log} ${bank} ${register}`);
          }
        }
      }
    });

    test('"domb verify --efi" accepts the boot, and refuses it for another file', async () => {
      const evidence = join(outputDirectory('firmware'), 'evidence');
      const verify = (efi: string) =>
        command(
          ...['verify', evidence, '--boot', '--manifest', manifest, '--images', images()],
          ...['--efi', efi],
        );
      const { status, said } = await verify(application);
      assert.equal(status, 0, said);
      assert.match(said, /^not checked {2}the firmware, PCR 0 to 3, 5 to 7$/m);
      const other = await verify(built.xenEfi);
      assert.equal(other.status, 3);
      assert.match(other.said, /^WRONG {8}PCR 4 differs in bank sha256: /m);
    });
  });
});

/** Runs `domb` with these arguments; what it said on both channels. */
async function command(...argv: string[]): Promise<{ status: number; said: string }> {
  const said: string[] = [];
  const say = (text: string) => said.push(text);
  const read = async () => Buffer.alloc(0);
  const status = await domb(argv, { write: say, writeError: say, read, colour: false });
  return { status, said: said.join('') };
}

async function start(name: string, firmware: FirmwareOptions) {
  const manifest = Buffer.from(await exampleManifest('demo'));
  const find = async (image: string) => built.images.get(image) ?? image;
  const { initramfs } = await buildBootImage(manifest, 'demo.yaml', find);
  const directory = outputDirectory(name);
  return bootManifest({ directory, parts: built, initramfs, firmware });
}

test('load options change nothing that the file says', async () => {
  const machine = await start('firmware-load-options', {
    loadOptions: 'other -- flask=permissive no-such-option',
  });
  try {
    const line = await machine.console.waitFor(/\(XEN\) Command line:/, 300_000);
    assert.match(line.text, / boot-domain /);
    assert.doesNotMatch(line.text, /permissive|no-such-option/);
    await machine.console.waitFor(
      /Flask: +Starting in enforcing mode/i,
      60_000,
      /permissive mode/i,
    );
  } finally {
    await machine.stop();
  }
});

describe('firmware with Secure Boot', () => {
  /** The key that Debian's ovmf package enrols in the variables for tests; its pass phrase is public. */
  const snakeoil = '/usr/share/ovmf/PkKek-1-snakeoil';

  test('starts a file that is signed with an enrolled key', async () => {
    const key = join(scratch, 'snakeoil.key');
    const decrypt = ['-passin', 'pass:snakeoil', '-in', `${snakeoil}.key`, '-out', key];
    await run('openssl', ['rsa', ...decrypt]);
    const machine = await start('firmware-signed', {
      secureBoot: true,
      key: { key, certificate: `${snakeoil}.pem` },
    });
    try {
      await machine.console.waitFor(/domb: .* phase "open" done/, 300_000, /failed to load/);
    } finally {
      await machine.stop();
    }
  });

  test('does not start a file without a signature', async () => {
    const machine = await start('firmware-unsigned', { secureBoot: true });
    try {
      await machine.console.waitFor(/failed to load Boot.*Access Denied/, 300_000, /Xen version/);
    } finally {
      await machine.stop();
    }
  });
});
