import { acpiTable, registerAt } from './table.ts';

/**
 * Low half of the timer's capabilities: vendor 8086, legacy replacement, 64 bits, three comparators, revision 1 (HPET_CAP in
 * xen/arch/x86/hvm/hpet.c).
 */
const CAPABILITIES = 0x8086_a201;

/** IA-PC HPET specification 1.0a, 3.2.4: the table that says where the timer is. */
export function hpet(address: number): Buffer {
  const body = Buffer.alloc(20);
  body.writeUInt32LE(CAPABILITIES);
  registerAt('memory', address, 0).copy(body, 4);
  return acpiTable('HPET', 1, body);
}
