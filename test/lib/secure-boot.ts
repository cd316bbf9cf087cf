import { EFI_CERT_SHA256, EFI_CERT_X509, guidBytes } from '../../measurement/firmware/efi-guids.ts';

/** Who put it there. */
const OWNER = guidBytes('11111111-2222-3333-4444-555555555555');

/** An EFI_SIGNATURE_LIST of signatures of one size. UEFI 2.10, 32.4.1. */
export function signatureList(type: 'x509' | 'sha256', ...contents: readonly Buffer[]): Buffer {
  const signatures = contents.map((content) => Buffer.concat([OWNER, content]));
  const each = signatures[0]?.length ?? 16;
  const sizes = Buffer.alloc(12);
  sizes.writeUInt32LE(28 + each * signatures.length, 0);
  sizes.writeUInt32LE(each, 8);
  const kind = guidBytes(type === 'x509' ? EFI_CERT_X509 : EFI_CERT_SHA256);
  return Buffer.concat([kind, sizes, ...signatures]);
}

export interface StoredShape {
  owner: string;
  name: string;
  data: Buffer;
  /** VAR_ADDED when left out. */
  state?: number;
}

/** A variable store as EDK II writes it: a firmware volume with authenticated variables, and room behind them. */
export function variableStore(variables: readonly StoredShape[]): Buffer {
  const records = variables.map(({ owner, name, data, state = 0x3f }) => {
    const text = Buffer.from(`${name}\0`, 'utf16le');
    const head = Buffer.alloc(60);
    head.writeUInt16LE(0x55aa, 0);
    head.writeUInt8(state, 2);
    head.writeUInt32LE(text.length, 36);
    head.writeUInt32LE(data.length, 40);
    guidBytes(owner).copy(head, 44);
    const size = 60 + text.length + data.length;
    return Buffer.concat([head, text, data, Buffer.alloc((4 - (size % 4)) % 4, 0xff)]);
  });
  const content = Buffer.concat([...records, Buffer.alloc(256, 0xff)]);
  const store = Buffer.alloc(28);
  guidBytes('aaf32c78-947b-439a-a180-2e144ec37792').copy(store);
  store.writeUInt32LE(28 + content.length, 16);
  store.writeUInt8(0x5a, 20);
  store.writeUInt8(0xfe, 21);
  const volume = Buffer.alloc(72);
  guidBytes('fff12b8d-7696-4c8b-a985-2747075b4f50').copy(volume, 16);
  volume.writeBigUInt64LE(BigInt(72 + 28 + content.length), 32);
  volume.write('_FVH', 40);
  volume.writeUInt16LE(72, 48);
  return Buffer.concat([volume, store, content]);
}
