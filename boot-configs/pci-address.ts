/**
 * A PCI device as Linux, xl and Xen write it in full: `0000:00:05.0` for `00:05.0`. The schema has checked the form; a
 * segment that is left out is 0.
 */
export function pciAddress(text: string): string {
  const address = text.toLowerCase();
  return address.split(':').length === 2 ? `0000:${address}` : address;
}
