/**
 * ACPI tables of a PVH domain, after the ACPI specification 6.4, chapter 5.2. It has none of ACPI's fixed hardware and no
 * devices to describe; what an operating system learns from the tables is how many processors there are.
 */

/** Where the local APIC of a domain is (xen/arch/x86: APIC_DEFAULT_PHYS_BASE). */
const LOCAL_APIC_ADDRESS = 0xfee0_0000;

/** A local APIC entry has 8 bits for the id, and all ones stand for every processor. */
export const MOST_PROCESSORS = 127;

/** The APIC id that Xen gives a vCPU; xc_cpuid_apply_policy says the same in the domain's CPUID. */
const apicId = (vcpu: number): number => vcpu * 2;

/**
 * RSDP, XSDT, FADT, DSDT and MADT in this order, each aligned to 16 bytes.
 * @param base guest-physical address that they are made for
 */
export function acpiTables(base: number, vcpus: number): Buffer {
  const parts = { rsdp: 36, xsdt: 36 + 2 * 8, fadt: FADT_BYTES, dsdt: 36 };
  const xsdtAt = base + aligned(parts.rsdp);
  const fadtAt = xsdtAt + aligned(parts.xsdt);
  const dsdtAt = fadtAt + aligned(parts.fadt);
  const madtAt = dsdtAt + aligned(parts.dsdt);
  const tables = [
    rootPointer(xsdtAt),
    table('XSDT', 1, Buffer.concat([address(fadtAt), address(madtAt)])),
    fixedDescription(dsdtAt),
    table('DSDT', 2, Buffer.alloc(0)),
    processors(vcpus),
  ];
  return Buffer.concat(tables.map((bytes) => padded(bytes)));
}

const aligned = (length: number): number => Math.ceil(length / 16) * 16;

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes], aligned(bytes.length));
}

function address(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

const OEM_ID = 'DOMB  ';

/** 5.2.5.3, with two checksums: over the first 20 bytes, which are ACPI 1.0's, and over all. */
function rootPointer(xsdtAt: number): Buffer {
  const bytes = Buffer.alloc(36);
  bytes.write('RSD PTR ', 0, 'latin1');
  bytes.write(OEM_ID, 9, 'latin1');
  bytes.writeUInt8(2, 15);
  bytes.writeUInt32LE(bytes.length, 20);
  bytes.writeBigUInt64LE(BigInt(xsdtAt), 24);
  bytes.writeUInt8(checksum(bytes.subarray(0, 20)), 8);
  bytes.writeUInt8(checksum(bytes), 32);
  return bytes;
}

/** A description table: the header of 5.2.6 and a body. */
function table(signature: string, revision: number, body: Buffer): Buffer {
  const header = Buffer.alloc(36);
  header.write(signature, 0, 'latin1');
  header.writeUInt32LE(header.length + body.length, 4);
  header.writeUInt8(revision, 8);
  header.write(OEM_ID, 10, 'latin1');
  header.write('DOMBPVH ', 16, 'latin1');
  header.writeUInt32LE(1, 24);
  header.write('DOMB', 28, 'latin1');
  header.writeUInt32LE(1, 32);
  const bytes = Buffer.concat([header, body]);
  bytes.writeUInt8(checksum(bytes), 9);
  return bytes;
}

/** What makes the sum of all bytes zero. */
function checksum(bytes: Buffer): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}

/** 5.2.9, table 5.9 and its flags: revision 6.4 of the table. */
const FADT_BYTES = 276;
const FADT_X_DSDT = 140;
const FADT_BOOT_FLAGS = 109;
const FADT_FLAGS = 112;
const BOOT_VGA_NOT_PRESENT = 1 << 2;
const BOOT_RTC_NOT_PRESENT = 1 << 5;
const HARDWARE_REDUCED = 1 << 20;

function fixedDescription(dsdtAt: number): Buffer {
  const bytes = Buffer.alloc(FADT_BYTES);
  bytes.writeUInt16LE(BOOT_VGA_NOT_PRESENT | BOOT_RTC_NOT_PRESENT, FADT_BOOT_FLAGS);
  bytes.writeUInt32LE(HARDWARE_REDUCED, FADT_FLAGS);
  bytes.writeBigUInt64LE(BigInt(dsdtAt), FADT_X_DSDT);
  const minorVersion = 131;
  bytes.writeUInt8(4, minorVersion);
  return table('FACP', 6, bytes.subarray(36));
}

/** 5.2.12: the MADT, with a local APIC (5.2.12.2) for each processor. */
function processors(vcpus: number): Buffer {
  const body = Buffer.alloc(8);
  body.writeUInt32LE(LOCAL_APIC_ADDRESS);
  const enabled = 1;
  const entries = Array.from({ length: vcpus }, (_, vcpu) => [
    0,
    8,
    vcpu,
    apicId(vcpu),
    enabled,
    0,
    0,
    0,
  ]);
  return table('APIC', 5, Buffer.concat([body, Buffer.from(entries.flat())]));
}
