/** A GUID of 16 bytes as UEFI writes it: the first three fields little-endian. UEFI 2.10, appendix A. */
export function guid(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = [
    buffer.readUInt32LE(0).toString(16).padStart(8, '0'),
    buffer.readUInt16LE(4).toString(16).padStart(4, '0'),
    buffer.readUInt16LE(6).toString(16).padStart(4, '0'),
  ];
  const rest = buffer.toString('hex', 8, 16);
  return [...first, rest.slice(0, 4), rest.slice(4)].join('-');
}
