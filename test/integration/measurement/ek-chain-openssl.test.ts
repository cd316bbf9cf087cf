import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ekChainProblems } from '../../../measurement/evidence/ek-chain.ts';
import {
  type CertificateShape,
  type Issued,
  issue,
  keyIn,
  pemOf,
  signedAnew,
} from '../../lib/certificates.ts';

const directory = mkdtempSync(join(tmpdir(), 'domb-ek-chains-'));
after(() => rmSync(directory, { recursive: true }));

const key = {
  root: keyIn(directory, 2048, 'root'),
  middle: keyIn(directory, 2048, 'middle'),
  second: keyIn(directory, 2048, 'second'),
  ek: keyIn(directory, 2048, 'ek'),
  rsa1024: keyIn(directory, 1024),
  p256: keyIn(directory, 'prime256v1'),
  p384: keyIn(directory, 'secp384r1'),
  p192: keyIn(directory, 'prime192v1'),
  p224: keyIn(directory, 'secp224r1'),
  k256: keyIn(directory, 'secp256k1'),
};

const DAY = 86_400_000;

type Change = Partial<CertificateShape>;

interface Chain {
  root?: Change;
  /** From the one that the root issued on; one without changes where nothing is said. */
  middle?: Change[];
  leaf?: Change;
  /** Days from now. */
  at?: number;
  /** Changes the finished EK certificate. */
  spoil?: (der: Buffer) => Buffer;
}

const general = { digest: 'sha256', days: 100, options: [] };
const authority = {
  basicConstraints: 'critical,CA:TRUE',
  keyUsage: 'critical,keyCertSign,cRLSign',
};

function shapeOf(standard: CertificateShape, { extensions, ...change }: Change): CertificateShape {
  return {
    ...standard,
    ...change,
    extensions: { ...standard.extensions, ...extensions },
  };
}

async function make({ root = {}, middle = [{}], leaf = {}, spoil = (der) => der }: Chain) {
  const top = await issue(
    directory,
    shapeOf({ ...general, subject: '/CN=Root', key: key.root, extensions: authority }, root),
  );
  const between: Issued[] = [];
  for (const [i, change] of middle.entries()) {
    const subject = `/C=DE/O=Some Manufacturer/CN=Authority ${i}`;
    const own = i === 0 ? key.middle : key.second;
    const shape = shapeOf({ ...general, subject, key: own, extensions: authority }, change);
    between.push(await issue(directory, shape, between.at(-1) ?? top));
  }
  const extensions = {
    basicConstraints: 'critical,CA:FALSE',
    keyUsage: 'critical,keyEncipherment',
    extendedKeyUsage: '2.23.133.8.1',
    // As the TCG EK Credential Profile has it: no subject, and the TPM's attributes.
    subjectAltName: 'critical,dirName:tpm',
  };
  const last = shapeOf({ ...general, subject: '/', key: key.ek, extensions }, leaf);
  const ek = await issue(directory, last, between.at(-1) ?? top);
  const der = spoil(ek.certificate.raw);
  writeFileSync(ek.file, pemOf(der));
  return { top, between, ek: { ...ek, der } };
}

/** The level demands 112 bits of security of each key and signature. */
function opensslSays(top: Issued, between: Issued[], files: string[], at = 0): string {
  const { stdout, stderr, error } = spawnSync(
    'openssl',
    [
      ...[
        'verify',
        '-auth_level',
        '2',
        '-attime',
        `${Math.floor(Date.now() / 1000) + at * 86_400}`,
      ],
      ...['-CAfile', top.file, ...between.flatMap(({ file }) => ['-untrusted', file]), ...files],
    ],
    { encoding: 'utf8' },
  );
  assert.equal(error, undefined);
  return stdout + stderr;
}

const replaceOid = (from: string, to: string) => (bytes: Buffer) => {
  const at = bytes.indexOf(Buffer.from(from, 'hex'));
  assert.ok(at > 0);
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(to, 'hex'), bytes.subarray(at + 5)]);
};
/** 1.2.3.4 and 1.2.3.5, and what is as long: id-ce 19. */
const [OID_4, OID_5, BASIC_CONSTRAINTS] = ['06032a0304', '06032a0305', '0603551d13'];

const unknown = { '1.2.3.4': 'critical,ASN1:NULL' };
const constrained = (value: string) => ({ extensions: { nameConstraints: `critical,${value}` } });
const permits = constrained('permitted;dirName:some');
const excludes = constrained('excluded;dirName:some');
const named = (name: string): Change => ({
  subject: `/C=DE/O=${name}`,
  extensions: { subjectAltName: undefined },
});
const dns = (name: string): Change => ({
  extensions: { subjectAltName: `critical,DNS:${name}` },
});
const someDirectory = constrained('permitted;dirName:country');

/** What we refuse, openssl refuses; where it does not, `stricter` says why we do. */
interface Row {
  name: string;
  chain: Chain;
  refused?: RegExp;
  stricter?: string;
}

const rows: Row[] = [
  { name: 'an RSA key under one intermediate authority', chain: {} },
  { name: 'directly under the root', chain: { middle: [] } },
  { name: 'under two intermediate authorities', chain: { middle: [{}, {}] } },
  {
    name: 'ECC, P-256',
    chain: { leaf: { key: key.p256, extensions: { keyUsage: 'critical,keyAgreement' } } },
  },
  {
    name: 'ECC, P-384',
    chain: { leaf: { key: key.p384, extensions: { keyUsage: 'critical,keyAgreement' } } },
  },
  {
    name: 'ECC throughout, with SHA-384 and SHA-512',
    chain: {
      root: { key: key.p384, digest: 'sha384' },
      middle: [{ key: key.p256, digest: 'sha384' }],
      leaf: { key: key.p256, digest: 'sha512' },
    },
  },
  {
    name: 'RSASSA-PSS with SHA-256',
    chain: { leaf: { options: ['-sigopt', 'rsa_padding_mode:pss'] } },
  },
  {
    name: 'known extensions that are critical',
    chain: {
      leaf: {
        extensions: {
          extendedKeyUsage: 'critical,2.23.133.8.1',
          certificatePolicies: 'critical,1.2.3',
          crlDistributionPoints: 'critical,URI:http://localhost/crl',
        },
      },
    },
  },
  {
    name: 'an unknown extension that is not critical',
    chain: { leaf: { extensions: { '1.2.3.4': 'ASN1:NULL' } } },
  },

  // Unknown critical extensions
  {
    name: 'unknown and critical in the EK certificate',
    chain: { leaf: { extensions: unknown } },
    refused: /^the EK certificate has a critical extension that is not known here, 1\.2\.3\.4$/,
  },
  {
    name: 'unknown and critical in an intermediate',
    chain: { middle: [{ extensions: unknown }] },
    refused: /Authority 0" has a critical extension/,
  },
  {
    name: 'unknown and critical in the root',
    chain: { root: { extensions: unknown } },
    refused: /CN=Root" has a critical extension/,
  },
  {
    name: 'policy constraints',
    chain: { middle: [{ extensions: { policyConstraints: 'critical,requireExplicitPolicy:0' } }] },
    refused: /critical extension that is not known here, 2\.5\.29\.36/,
    stricter:
      'they demand policies, which openssl looks at with -policy_check only (RFC 5280, 6.1.4)',
  },

  // Path lengths
  {
    name: 'path length 0 over the EK certificate',
    chain: { middle: [{ extensions: { basicConstraints: 'critical,CA:TRUE,pathlen:0' } }] },
  },
  {
    name: 'path length 1 over one authority',
    chain: { root: { extensions: { basicConstraints: 'critical,CA:TRUE,pathlen:1' } } },
  },
  {
    name: 'path length 0 of the root, exceeded',
    chain: { root: { extensions: { basicConstraints: 'critical,CA:TRUE,pathlen:0' } } },
    refused: /CN=Root" allows 0 authorities below it, and has 1$/,
  },
  {
    name: 'path length 0 of an intermediate, exceeded',
    chain: { middle: [{ extensions: { basicConstraints: 'critical,CA:TRUE,pathlen:0' } }, {}] },
    refused: /Authority 0" allows 0 authorities below it, and has 1$/,
  },
  {
    name: 'path length 1 of the root, exceeded',
    chain: {
      root: { extensions: { basicConstraints: 'critical,CA:TRUE,pathlen:1' } },
      middle: [{}, {}],
    },
    refused: /CN=Root" allows 1 authorities below it, and has 2$/,
  },
  {
    name: 'a self-issued authority does not count for the path length',
    chain: {
      root: { extensions: { basicConstraints: 'critical,CA:TRUE,pathlen:1' } },
      middle: [{ subject: '/CN=Same' }, { subject: '/CN=Same' }],
    },
  },
  {
    name: 'a negative path length',
    chain: { middle: [{ extensions: { basicConstraints: 'critical,DER:30060101ff0201ff' } }] },
    refused: /^the EK certificate was not issued by any/,
  },

  // Name constraints
  {
    name: 'permitted directory, in it',
    chain: { middle: [someDirectory], leaf: named('Some Manufacturer') },
  },
  {
    name: 'permitted directory, compared without case and doubled blanks',
    chain: { middle: [someDirectory], leaf: named('sOME   manufacturer ') },
  },
  {
    name: 'permitted directory, outside',
    chain: { middle: [someDirectory], leaf: named('Other Manufacturer') },
    refused: /Authority 0" does not permit the name of the EK certificate$/,
  },
  {
    name: 'permitted directory, and the TPM attributes are outside',
    chain: { middle: [permits] },
    refused: /does not permit the name of the EK certificate$/,
  },
  { name: 'excluded directory, outside', chain: { middle: [excludes] } },
  {
    name: 'excluded directory, in it',
    chain: { middle: [excludes], leaf: { ...named('x'), subject: '/O=some manufacturer/CN=1' } },
    refused: /Authority 0" excludes the name of the EK certificate$/,
  },
  {
    name: 'excluded by the alternative name',
    chain: {
      middle: [excludes],
      leaf: { extensions: { subjectAltName: 'critical,dirName:some' } },
    },
    refused: /excludes the name of the EK certificate$/,
  },
  {
    name: 'the root constrains an intermediate',
    chain: { root: constrained('permitted;dirName:other') },
    refused:
      /CN=Root" does not permit the name of the certificate of "C=DE, O=Some Manufacturer, CN=Authority 0"$/m,
  },
  {
    name: 'a self-issued authority is not constrained',
    chain: {
      root: constrained('excluded;dirName:other'),
      middle: [{ subject: '/CN=Same' }, { ...excludes, subject: '/CN=Same' }],
    },
  },
  {
    name: 'constraints that are not critical hold as well',
    chain: { middle: [{ extensions: { nameConstraints: 'permitted;dirName:some' } }] },
    refused: /does not permit/,
  },
  {
    name: 'permitted DNS, in it',
    chain: { middle: [constrained('permitted;DNS:example.org')], leaf: dns('TPM.example.org') },
  },
  {
    name: 'permitted DNS, outside',
    chain: { middle: [constrained('permitted;DNS:example.org')], leaf: dns('tpm-example.org') },
    refused: /does not permit/,
  },
  {
    name: 'excluded DNS',
    chain: { middle: [constrained('excluded;DNS:example.org')], leaf: dns('example.org') },
    refused: /excludes/,
  },
  {
    name: 'excluded DNS as common name',
    chain: {
      middle: [constrained('excluded;DNS:example.org')],
      leaf: { subject: '/CN=a.example.org' },
    },
    refused: /excludes/,
  },
  {
    name: 'constraints on other forms of names only',
    chain: { middle: [constrained('permitted;email:example.org,excluded;IP:10.0.0.0/255.0.0.0')] },
  },
  {
    name: 'an e-mail address within constraints',
    chain: {
      middle: [constrained('permitted;email:example.org')],
      leaf: { subject: '/emailAddress=a@example.org' },
    },
    refused: /constrains names of a form that is not compared here/,
    stricter:
      'EK certificates have no e-mail addresses; what is not processed is refused (RFC 5280, 4.2.1.10)',
  },
  {
    name: 'bounds of a subtree',
    chain: { middle: [constrained('DER:300fa00d300b8206612e622e2e63810101')] },
    refused: /can't be read: a subtree with bounds/,
    stricter:
      'RFC 5280, 4.2.1.10 has no bounds; openssl refuses them where names of this form are compared',
  },

  // Who may sign
  {
    name: 'keyUsage without keyCertSign',
    chain: { middle: [{ extensions: { keyUsage: 'critical,digitalSignature,cRLSign' } }] },
    refused: /^the EK certificate was not issued by any/,
  },
  {
    name: 'keyUsage without keyCertSign in the root',
    chain: { root: { extensions: { keyUsage: 'critical,cRLSign' } } },
    refused: /Authority 0" was not issued by any/,
  },
  {
    name: 'CA:FALSE in an intermediate',
    chain: { middle: [{ extensions: { basicConstraints: 'critical,CA:FALSE' } }] },
    refused: /Authority 0" is not one of an authority$/,
  },
  {
    name: 'an intermediate without basic constraints',
    chain: { middle: [{ extensions: { basicConstraints: undefined, keyUsage: undefined } }] },
    refused: /is not one of an authority$/,
  },
  {
    name: 'a root without basic constraints',
    chain: {
      root: {
        extensions: { basicConstraints: undefined, keyUsage: undefined, '1.2.3.4': 'ASN1:NULL' },
      },
    },
    refused: /CN=Root" is not one of an authority$/,
  },
  {
    name: 'the EK certificate is an authority',
    chain: { leaf: { extensions: { basicConstraints: 'critical,CA:TRUE' } } },
    refused: /^the EK certificate is not one of an endorsement key$/,
    stricter: 'openssl is not told that it is to be an endorsement key',
  },
  {
    name: 'a certificate for something else',
    chain: { leaf: { extensions: { extendedKeyUsage: 'serverAuth' } } },
    refused: /^the EK certificate is not one of an endorsement key$/,
    stricter: 'openssl is not told that it is to be an endorsement key',
  },

  // Dates
  {
    name: 'the EK certificate expired',
    chain: { leaf: { days: 10 }, at: 20 },
    refused: /^the EK certificate is valid from .* only$/,
  },
  {
    name: 'an intermediate expired',
    chain: { middle: [{ days: 10 }], at: 20 },
    refused: /Authority 0" is valid from .* only$/,
  },
  {
    name: 'the root expired',
    chain: { root: { days: 10 }, at: 20 },
    refused: /CN=Root" is valid from .* only$/,
  },
  {
    name: 'not valid yet',
    chain: { at: -20 },
    refused: /^the EK certificate is valid from .* only$/m,
  },

  // Signatures and keys
  {
    name: 'a wrong signature',
    chain: {
      spoil: (der) => Buffer.concat([der.subarray(0, -1), Buffer.from([(der.at(-1) ?? 0) ^ 1])]),
    },
    refused: /^the EK certificate was not issued by any/,
  },
  {
    name: 'signed by another key',
    chain: { spoil: (der) => signedAnew(der, (bytes) => bytes, key.second) },
    refused: /^the EK certificate was not issued by any/,
  },
  {
    name: 'SHA-1 in the EK certificate',
    chain: { leaf: { digest: 'sha1' } },
    refused: /^the EK certificate is signed by .* RSA with SHA-1$/,
  },
  {
    name: 'MD5 in the EK certificate',
    chain: { leaf: { digest: 'md5' } },
    refused: /^the EK certificate is signed by .* RSA with MD5$/,
  },
  {
    name: 'SHA-1 in an intermediate',
    chain: { middle: [{ digest: 'sha1' }] },
    refused: /Authority 0" is signed by .* RSA with SHA-1$/,
  },
  {
    name: 'SHA-1 with ECDSA',
    chain: { middle: [{ key: key.p256 }], leaf: { digest: 'sha1' } },
    refused: /ECDSA with SHA-1$/,
  },
  {
    name: 'SHA-1 with RSASSA-PSS',
    chain: { leaf: { digest: 'sha1', options: ['-sigopt', 'rsa_padding_mode:pss'] } },
    refused: /RSASSA-PSS with another hash/,
  },
  { name: "SHA-1 in the root's signature of itself", chain: { root: { digest: 'sha1' } } },
  {
    name: 'RSA of 1024 bits for the EK',
    chain: { leaf: { key: key.rsa1024 } },
    refused: /^the EK certificate has an RSA key of 1024 bits only$/,
  },
  {
    name: 'RSA of 1024 bits in an intermediate',
    chain: { middle: [{ key: key.rsa1024 }] },
    refused: /Authority 0" has an RSA key of 1024 bits only$/,
  },
  {
    name: 'P-192',
    chain: { leaf: { key: key.p192 } },
    refused: /^the EK certificate has a key on a curve/,
  },
  { name: 'P-224', chain: { leaf: { key: key.p224 } } },
  {
    name: 'a curve that TPMs do not have',
    chain: { leaf: { key: key.k256 } },
    refused: /^the EK certificate has a key on a curve/,
    stricter: "TCG's algorithm registry has no secp256k1; only known curves are relied on",
  },
  {
    name: 'the key identifier of another authority',
    chain: {
      middle: [{ extensions: { subjectKeyIdentifier: 'hash' } }],
      leaf: { extensions: { '2.5.29.35': 'DER:300480020001' } },
    },
    refused: /^the EK certificate was not issued by any/,
  },

  // Encoding
  {
    name: 'basic constraints twice in an intermediate',
    chain: {
      middle: [
        { extensions: { '1.2.3.4': 'DER:30030101ff' }, edit: replaceOid(OID_4, BASIC_CONSTRAINTS) },
      ],
    },
    refused: /^the EK certificate was not issued by any/,
  },
  {
    name: 'an unknown extension twice',
    chain: {
      leaf: {
        extensions: { '1.2.3.4': 'ASN1:NULL', '1.2.3.5': 'ASN1:NULL' },
        edit: replaceOid(OID_5, OID_4),
      },
    },
    refused: /^the EK certificate has the extension 1\.2\.3\.4 twice$/,
    stricter: 'RFC 5280, 4.2: no extension more than once; openssl looks with -x509_strict only',
  },
];

for (const { name, chain, refused, stricter } of rows) {
  test(`${name}: ${refused ? 'refused' : 'accepted'}`, async () => {
    const { top, between, ek } = await make(chain);
    const said = opensslSays(top, between, [ek.file], chain.at);
    assert.equal(
      said.includes(`${ek.file}: OK`),
      refused === undefined || stricter !== undefined,
      said,
    );
    const authorities = [top, ...between].map(({ certificate }) => certificate);
    const problems = ekChainProblems(
      ek.der,
      authorities,
      new Date(Date.now() + (chain.at ?? 0) * DAY),
    );
    if (refused === undefined) assert.deepEqual(problems, []);
    else assert.match(problems.join('\n'), refused);
  });
}

test('of several paths the good one counts: an authority renewed, or certified by two roots', async () => {
  const { top, between, ek } = await make({});
  const { certificate: good } = between[0] as Issued;
  const extensions = { ...authority };
  const subject = '/C=DE/O=Some Manufacturer/CN=Authority 0';
  const again = { ...general, subject, key: key.middle, extensions };
  const old = await issue(directory, { ...again, days: 1 }, top);
  const elsewhere = await make({ root: { subject: '/CN=Elsewhere', key: key.second } });
  const crossed = await issue(directory, again, elsewhere.top);
  const [{ certificate: root }, expired, cross] = [top, old.certificate, crossed.certificate];
  const soon = new Date(Date.now() + 2 * DAY);
  const orders = [
    [expired, good, root],
    [cross, expired, good, root],
    [root, good, cross, expired],
  ];
  for (const order of orders) assert.deepEqual(ekChainProblems(ek.der, order, soon), []);
  assert.match(
    ekChainProblems(ek.der, [expired, root], soon).join('\n'),
    /^the certificate of .* only$/,
  );
});

/** Marsaglia's xorshift32: the same mutants each time. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function mutant(bytes: Buffer, random: (below: number) => number): Buffer {
  const changed = Buffer.from(bytes);
  for (let left = 1 + random(2); left > 0; left--) changed[random(changed.length)] = random(256);
  return changed;
}

test('mutants with a true signature never throw, and none is accepted that openssl refuses', async () => {
  const { top, between, ek } = await make({
    middle: [constrained('permitted;dirName:country,permitted;dirName:tpm')],
    leaf: { subject: '/C=DE/O=Some Manufacturer/CN=1' },
  });
  const authorities = [top, ...between].map(({ certificate }) => certificate);
  const random = numbers(1);
  const accepted: string[] = [];
  const made = 600;
  for (let i = 0; i < made; i++) {
    const der = signedAnew(ek.der, (bytes) => mutant(bytes, random), key.middle);
    if (ekChainProblems(der, authorities).length > 0) continue;
    const file = join(directory, `mutant-${i}.pem`);
    writeFileSync(file, pemOf(der));
    accepted.push(file);
  }
  assert.ok(accepted.length > made / 20 && accepted.length < made, `${accepted.length} accepted`);
  const said = opensslSays(top, between, accepted);
  assert.deepEqual(
    accepted.filter((file) => !said.includes(`${file}: OK`)),
    [],
    said,
  );
});

test('mutants of the authorities, and bytes that are cut off, never throw', async () => {
  const { top, between, ek } = await make({ middle: [excludes] });
  const [root, middle] = [top.certificate, (between[0] as Issued).certificate];
  const random = numbers(2);
  let read = 0;
  for (let i = 0; i < 600; i++) {
    const [spoilt, signer] = i % 2 ? [root, key.root] : [middle, key.root];
    const der = signedAnew(spoilt.raw, (bytes) => mutant(bytes, random), signer);
    let authorityRead: X509Certificate;
    try {
      authorityRead = new X509Certificate(der);
    } catch {
      continue;
    }
    read++;
    ekChainProblems(ek.der, i % 2 ? [authorityRead, middle] : [root, authorityRead]);
  }
  assert.ok(read > 100, `${read} read`);
  for (let length = 0; length < ek.der.length; length += 3) {
    assert.notDeepEqual(ekChainProblems(ek.der.subarray(0, length), [root, middle]), []);
  }
  const large = Buffer.concat([ek.der], 16 * 1024 + 1);
  assert.match(ekChainProblems(large, [root, middle]).join('\n'), /^the EK certificate is larger/);
});
