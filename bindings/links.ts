/** Links between ports of Argo (xen/include/public/argo.h of our series): where what a port sends arrives. */
import { CallError } from './ffi/errors.ts';
import type { ArgoPort } from './hypervisor.ts';
import type { Hypercalls } from './libxencall.ts';

/** __HYPERVISOR_argo_op, xen/xen.h; XEN_ARGO_OP_connect and _get_link. */
const ARGO_OP = 39;
const CONNECT = 5;
const GET_LINK = 6;
/** XEN_ARGO_DOMID_ANY, which is DOMID_INVALID: nobody. */
const NOBODY: ArgoPort = { domid: 0x7ff4, port: 0 };

/** @throws CallError */
export function setLink(calls: Hypercalls, from: ArgoPort, to: ArgoPort): void {
  calls.commandWith(ARGO_OP, CONNECT, addresses(from, to));
}

/** @throws CallError, with ENOENT where there is none */
export function clearLink(calls: Hypercalls, from: ArgoPort): void {
  setLink(calls, from, NOBODY);
}

/** All links from ports of a domain, by their ports; none where the domain does not use Argo. */
export function linksFrom(calls: Hypercalls, domid: number): { from: ArgoPort; to: ArgoPort }[] {
  const links: { from: ArgoPort; to: ArgoPort }[] = [];
  for (let port = 0; port <= LAST_PORT; ) {
    const question = addresses({ domid, port }, NOBODY);
    try {
      calls.commandWith(ARGO_OP, GET_LINK, question);
    } catch (error) {
      if (error instanceof CallError && /^(ENOENT|ENODEV)$/.test(error.errno)) return links;
      throw error;
    }
    const from = addressAt(question, 0);
    links.push({ from, to: addressAt(question, ADDRESS) });
    port = from.port + 1;
  }
  return links;
}

const LAST_PORT = 0xffff_ffff;
/** Bytes of a struct xen_argo_addr: port, domid, padding. */
const ADDRESS = 8;

/** A struct xen_argo_send_addr. */
function addresses(from: ArgoPort, to: ArgoPort): Buffer {
  const bytes = Buffer.alloc(2 * ADDRESS);
  for (const [index, { domid, port }] of [from, to].entries()) {
    bytes.writeUInt32LE(port, index * ADDRESS);
    bytes.writeUInt16LE(domid, index * ADDRESS + 4);
  }
  return bytes;
}

function addressAt(bytes: Buffer, offset: number): ArgoPort {
  return { port: bytes.readUInt32LE(offset), domid: bytes.readUInt16LE(offset + 4) };
}
