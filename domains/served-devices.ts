/** Devices whose back ends run in domain 0, and which it attaches to a domain that it has introduced to xenstore. */

export interface ServedDisk {
  /** Its name in the domain: `xvda`, or `xvda1` for what the domain takes for a partition. */
  vdev: string;
  /** A block device of domain 0, or what `script` makes one of. */
  target: string;
  access: 'r' | 'w';
  /** A program of domain 0, below /etc/xen/scripts, in the place of `block`. */
  script?: string;
  /** Whether the domain may tell which blocks it needs no more. Without it, if the device can do something with that. */
  discard?: boolean;
}

export interface ServedVif {
  /** Lower case. Without it libxl makes one up. */
  mac?: string;
  /** A bridge of domain 0. Without it that is xenbr0. */
  bridge?: string;
  /** Addresses for scripts that route or filter. */
  ip?: string;
  /** A program of domain 0, below /etc/xen/scripts, in the place of `vif-bridge`. */
  script?: string;
  /** Name of the interface in domain 0. */
  vifname?: string;
  /** Where the script vif-route finds the network. */
  gatewaydev?: string;
  mtu?: number;
  /** What the domain may send: so many bytes in so many microseconds. */
  rate?: { bytes: number; microseconds: number };
}

/** The names of disks, with up to fifteen partitions, as Linux's front end knows them. */
export const VDEV = /^xvd[a-z](?:[1-9]|1[0-5])?$/;
/** A path, or what a script takes. Commas end it. */
export const TARGET = /^[!-+.-~-]{1,200}$/;
export const SCRIPT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
/** Six bytes; the first says that it is one card's, and not a group's. */
export const MAC = /^[0-9a-f][02468ace](?::[0-9a-f]{2}){5}$/;
/** IFNAMSIZ of Linux has room for 15 characters. */
export const INTERFACE = /^(?!\.\.?$)[A-Za-z0-9._-]{1,15}$/;
/** IPv4 and IPv6, with lengths of prefixes, and spaces between several. */
export const ADDRESSES = /^[0-9A-Fa-f.:/]{1,60}(?: [0-9A-Fa-f.:/]{1,60}){0,15}$/;
export const MTU = { least: 68, most: 65_535 };
/** libxl has 32 bits for either. */
export const MOST_RATE = 0xffff_ffff;

/** libxl's number of what a domain calls `xvda3`: encoding of xen-vbd-interface(7) for up to 16 disks, the newer one beyond. */
export function diskNumber(vdev: string): number {
  const [, letter = 'a', partition = '0'] = /^xvd([a-z])([0-9]*)$/.exec(vdev) ?? [];
  const disk = letter.charCodeAt(0) - 'a'.charCodeAt(0);
  const number = Number(partition || '0');
  return disk < 16 ? (202 << 8) | (disk << 4) | number : (1 << 28) | (disk << 8) | number;
}
