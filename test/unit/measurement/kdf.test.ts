import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kdfA, kdfE } from 'node-tpm2-pts';

type Vector = readonly [
  hash: 'sha1' | 'sha256',
  key: string,
  label: string,
  u: string,
  v: string,
  bits: number,
  result: string,
];

/** Those of whole bytes in google/go-tpm, tpm2/test/testvectors/kdfa.json: 08, 13, 30 and 38. */
const KDFA: readonly Vector[] = [
  [
    ...(['sha1', 'f33e8c7d0efe0f', 'CFB'] as const),
    ...(['002ba8440f2e389a7a086726c47b2bc332a0', 'fb4746f1b68c0f75174fa7', 400] as const),
    '6e5d4c0212cb1f908c0aa34c91f74b3bf429eab89f0b532b1cc7f34f240ee100c63e0b4cf5bb0017e178ef8902a5bf18a3fd',
  ],
  [
    ...(['sha1', 'ff9af522feced768e90933b774c6fb35f6086054', 'IDENTITY'] as const),
    ...(['2a2c2392200800', '', 512] as const),
    '04384a8ae06d793d28c402c088c29185fb6de2bb3227df9a604edf7beb2f29b46ff5aa66150ffcfb5d6d9130db5bc59d644c0d6259d111ed8fe8b81547d07bfe',
  ],
  [
    ...(['sha256', '', 'SECRET'] as const),
    ...(['fbf51f160255018bbc8efea4c36ac4fb4cbba34e9eff', '3cea0fdc2600', 200] as const),
    'a26c73dca13a265e09eec4b0abc4ecb2bf8d26db04e8823ee6',
  ],
  [
    ...([
      'sha256',
      'e38573d849a5cfc9973f58b4535e42b7c08ef28b1b3e775375b5c66b9644be',
      'STORAGE',
    ] as const),
    ...(['00586dccbebc998087e4', '', 552] as const),
    '968f349b066ed26be3bd4e78333eb5c5b51c26ea376efe5dfaf061a2cf7f5eb82e4fcc2a30736e30f12b48ab17efd10576a4cf33450324b3f20011628df7a07c411f8c0f6c',
  ],
];

/** The same project's kdfe.json: 04, 12, 14 and 37. */
const KDFE: readonly Vector[] = [
  [
    ...(['sha1', 'fffaefd2dcf59ac10ffee96d388ecc7fa0274b25', 'INTEGRITY'] as const),
    ...(['ff7876ca3325140c1739', 'ffdaea80b8', 320] as const),
    '39bde917d4529cfb171ebb49c8aa83777481f50cf0df162c3f12b9c8ab21ddcbed2e8a8b688c8b66',
  ],
  [
    ...(['sha1', '69', 'SECRET'] as const),
    ...(['c8892d83e51bcf3164c6b32c47', '0080adc707de8aaf7726f6dd4946406ea42f9d', 576] as const),
    'a7f5347219e2ea2ef0f46abf91865104a948eacd402b1d7ae48dde7ab1515e43e0b2d3006d9127d849c012e95191cfc77d829225967e0f49eba285abac2546ed1818383e7af21629',
  ],
  [
    ...(['sha1', 'c1633e4679', 'CFB'] as const),
    ...(['', 'f40be602c2ac513197a3ad24bc', 600] as const),
    'e2557d17d21bea7a241f0d6355ae386177bbed8cbe9c4f1cd2024be869d5679493c8de7615fefef6356df7a728bce63431ce317be4f50284d2e10a9f3b24f9d249c1be118822129fbfe0a8',
  ],
  [
    ...(['sha256', '6cbfdee9e66367b676', 'STORAGE'] as const),
    ...(['c303fe79ff', '79e34519a8a32f13d400', 728] as const),
    'e59560660988b3d66e3a76bcc96110cc199bfa0418dca315f7070619e04fa0b6cdb2912db3786aaa34f2cad7dcee560eed2b4c3f7566e533e4a3bba9c9364397dd2ce45a0b85dde5c83fea27b4fb20bb0125346d24e5d9321f81b2',
  ],
];

for (const [name, derive, vectors] of [
  ['KDFa', kdfA, KDFA],
  ['KDFe', kdfE, KDFE],
] as const) {
  test(`${name}: published vectors`, () => {
    for (const [hash, key, label, u, v, bits, result] of vectors) {
      const [k, contextU, contextV] = [key, u, v].map((text) => Buffer.from(text, 'hex'));
      const derived = derive(
        hash,
        k as Buffer,
        label,
        contextU as Buffer,
        contextV as Buffer,
        bits,
      );
      assert.equal(derived.toString('hex'), result, `${hash} ${label} ${bits}`);
    }
  });
}
