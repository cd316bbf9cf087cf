import assert from 'node:assert/strict';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import * as library from 'node-tpm2-pts';
import { writeEvidence } from '../../../measurement/evidence/evidence.ts';
import { referenceFile } from '../../../measurement/evidence/reference.ts';
import * as results from '../../../measurement/public/attestation-result.ts';
import * as enrolment from '../../../measurement/public/enrolment.ts';
import * as eventLog from '../../../measurement/public/event-log.ts';
import * as evidence from '../../../measurement/public/evidence.ts';
import * as firmware from '../../../measurement/public/firmware.ts';
import { runProgram } from '../../../platform/lib/run.ts';
import { evidenceOf, ITEMS, NONCE } from '../../lib/evidence.ts';
import { installLibrary, type Project, readmeExamples } from '../../lib/installed-library.ts';
import { nodesToTry } from '../../lib/other-nodes.ts';
import { buildPe } from '../../lib/pe-builder.ts';
import { type Swtpm, startSwtpm } from '../../lib/swtpm.ts';

const root = join(import.meta.dirname, '../../..');
const tsc = join(root, 'node_modules/.bin/tsc');
const readme = join(root, 'measurement/node-tpm2-pts/README.md');
const EFI_VARIABLES = '/sys/firmware/efi/efivars';
const FIRMWARE_LOG = '/sys/kernel/security/tpm0/binary_bios_measurements';

/** What an example takes for granted, what is asked afterwards, and what it then prints. */
interface Around {
  readonly before?: string;
  readonly behind?: string;
  readonly prints: RegExp;
}

const opened = 'const tpm = new Tpm(await openDevice());\n';
const state = "const values = await pcrRead(tpm, [{ bank: 'sha256', pcrs: [16] }]);\n";

/** By how the example begins. */
const around: Readonly<Record<string, Around>> = {
  'import { digest, openDevice': { prints: /^Map\(1\) \{.*13 => <Buffer (?!00 00)/s },
  'const policy = authorizePolicyDigest': {
    before: `${opened}${state}
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const { x = '', y = '' } = pair.publicKey.export({ format: 'jwk' });
const scheme = { scheme: 'ecdsa', hash: 'sha256' } as const;
const point = { x: Buffer.from(x, 'base64url'), y: Buffer.from(y, 'base64url') };
const approver = encodePublic({
  nameAlgorithm: 'sha256',
  attributes: TPMA_OBJECT.SIGN | TPMA_OBJECT.USER_WITH_AUTH,
  authPolicy: Buffer.alloc(0),
  key: { type: 'ecc', curve: 'P-256', ...point, aesBits: undefined, signing: scheme },
});
const raw = sign('sha256', pcrPolicyDigest(values), { key: pair.privateKey, dsaEncoding: 'ieee-p1363' });
const signature = encodeSignature({ ...scheme, parts: [raw.subarray(0, 32), raw.subarray(32)] });
const session = await startPolicySession(tpm);
`,
    behind:
      'console.log((await policyGetDigest(tpm, session)).equals(policy));\nawait flushContext(tpm, handle);\nawait tpm.close();',
    prints: /^true$/m,
  },
  'await withHmacSession(tpm, srk': {
    before: `${opened}${state}
const srk = await createPrimary(tpm, TPM_RH.OWNER, srkTemplate('ecc-p256'));
const secret = Buffer.from('a secret');
const index = 0x01800001;
await nvDefine(tpm, {
  index,
  nameAlgorithm: 'sha256',
  attributes: TPMA_NV.AUTH_READ | TPMA_NV.AUTH_WRITE | TPMA_NV.NO_DA,
  authPolicy: Buffer.alloc(0),
  size: 8,
}, { password: Buffer.from('password') });
await nvWrite(tpm, index, Buffer.from('contents'), 0, { authorization: password(Buffer.from('password')) });
`,
    behind: 'await flushContext(tpm, srk.handle);\nawait tpm.close();\nconsole.log("done");',
    prints: /^done$/m,
  },
  "import { readFile } from 'node:fs/promises';\nimport { describeData": {
    prints: /EV_SEPARATOR.*^\[\]$.*^4 '?[0-9a-f]{64}/ms,
  },
  "import { readFile } from 'node:fs/promises';\nimport { readEvidence": {
    prints: /^unproven \[.*launch-chain/ms,
  },
  "import { readFile } from 'node:fs/promises';\nimport { openDevice, Tpm }": {
    prints: /"format":"domb-enrolled/,
  },
  'import { allowingEntry': { prints: /^4 '?[0-9a-f]{64}.*^7 '?[0-9a-f]{64}/ms },
};

let project: Project;
let swtpm: Swtpm;
before(async () => {
  project = await installLibrary();
  swtpm = await startWithKeys();
  const made = evidenceOf();
  await writeEvidence(join(project.directory, 'evidence'), made);
  await copyFile(
    join(project.directory, 'evidence/ak.pub'),
    join(project.directory, 'enrolled-ak.pub'),
  );
  const reference = referenceFile({ pcr: 13, bootPcr: 12, items: ITEMS, pcrs: new Map() });
  await writeFile(join(project.directory, 'platform.reference'), reference);
  await writeFile(join(project.directory, 'BOOTX64.EFI'), buildPe());
  await mkdir(join(project.directory, 'efivars'));
  // Four bytes of attributes, and: off.
  const state = 'efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';
  await writeFile(join(project.directory, state), Buffer.alloc(5));
  await copyFile(join(root, 'test/logs/rhel8.bin'), join(project.directory, 'firmware.log'));
});
after(async () => {
  await swtpm?.stop();
  await project?.remove();
});

/** A TPM, and the public areas of its two keys in files. */
async function startWithKeys(): Promise<Swtpm> {
  const started = await startSwtpm();
  const tpm = await started.connect();
  const { createAk, createPrimary, ekTemplate, TPM_RH, Writer } = library;
  const keys = {
    'ak.pub': await createAk(tpm),
    'ek.pub': await createPrimary(tpm, TPM_RH.ENDORSEMENT, ekTemplate('rsa-2048')),
  };
  for (const [name, { handle, publicArea }] of Object.entries(keys)) {
    await project.write(name, new Writer().sized(publicArea).toBuffer());
    await library.flushContext(tpm, handle);
  }
  await tpm.close();
  return started;
}

test('the examples of the README compile, run on every Node at hand, and give what they should', async (t) => {
  const examples = await readmeExamples();
  const files = await Promise.all(examples.map((code, index) => writeExample(index, code)));
  const compilerOptions = {
    ...{ strict: true, target: 'es2022', module: 'nodenext', types: ['node'] },
    outDir: join(project.directory, 'compiled'),
  };
  const config = JSON.stringify({ compilerOptions, files });
  await runProgram(tsc, ['--project', await project.write('tsconfig.json', config)]);
  for (const { program, version } of nodesToTry()) {
    for (const [index, code] of examples.entries()) {
      const [, { prints }] = aroundOf(code);
      const said = await runProgram(program, [`compiled/example${index}.mjs`], {
        cwd: project.directory,
        env: { ...process.env, NONCE: NONCE.toString('hex'), SWTPM: swtpm.socket },
      });
      assert.match(said, prints, `Node ${version}: ${code}`);
    }
    t.diagnostic(`${examples.length} examples on Node ${version}`);
    // The next Node finds the TPM as this one did.
    await swtpm.stop();
    swtpm = await startWithKeys();
  }
});

function aroundOf(code: string): [string, Around] {
  const found = Object.entries(around).find(([begins]) => code.startsWith(begins));
  return found ?? assert.fail(`nobody says how this is run: ${code}`);
}

/** The example as a program, with the software TPM and a log of this test in the place of the machine's. */
async function writeExample(index: number, code: string): Promise<string> {
  const [, { before: prelude = '', behind = '' }] = aroundOf(code);
  const used = new Set(`${prelude}${code}${behind}`.match(/\w+/g));
  const names = Object.keys(library).filter((name) => used.has(name));
  const imports = code.startsWith('import')
    ? ''
    : `import { generateKeyPairSync, sign } from 'node:crypto';\nimport { ${names
        .filter((name) => name !== 'sign')
        .join(', ')} } from 'node-tpm2-pts';\n`;
  const text = `${imports}${prelude}${code}${behind}\n`
    .replace(/openDevice\([^)]*\)/, "connectUnix(process.env.SWTPM ?? '')")
    .replace(/\bopenDevice\b/, 'connectUnix')
    .replace(EFI_VARIABLES, join(project.directory, 'efivars'))
    .replace(FIRMWARE_LOG, join(project.directory, 'firmware.log'));
  await project.write(`example${index}.mts`, text);
  return `example${index}.mts`;
}

test('the README names whatever can be imported for evidence, logs and firmware, and nothing else', async () => {
  const text = await readFile(readme, 'utf8');
  const sections = [
    ['Event logs', eventLog],
    ['Evidence', evidence],
    ['Firmware', firmware],
    ['Enrolment', enrolment],
    ['Attestation results', results],
  ] as const;
  for (const [title, offered] of sections) {
    const section = new RegExp(`^## ${title}\n(.*?)^## `, 'ms').exec(text)?.[1] ?? '';
    const named = new Set(section.match(/\w+/g));
    const names = Object.keys(offered);
    assert.ok(names.length > 2, title);
    assert.deepEqual(
      names.filter((name) => !named.has(name)),
      [],
      title,
    );
    const called = [...section.matchAll(/`(\w+)\(/g)].map(([, name = '']) => name);
    assert.deepEqual(
      called.filter((name) => !names.includes(name)),
      [],
      title,
    );
  }
});
