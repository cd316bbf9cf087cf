import { dirname } from 'node:path/posix';
import type { BootDomain } from './record.ts';
import type { StoreNode } from './store-node.ts';

/** XenbusStateInitialising, xen/io/xenbus.h. */
const INITIALISING = '1';

/** Where the back end's domain finds the device. */
const servedPath = (domid: number, backend: number) =>
  `/local/domain/${backend}/backend/vtpm/${domid}/0`;

/** Where the guest finds it. */
const frontendPath = (domid: number) => `/local/domain/${domid}/device/vtpm/0`;
export const vtpmBackendPath = (domid: number) => `${frontendPath(domid)}/backend`;

/** What tells whose device it is. */
export const vtpmUuidPath = (domid: number, backend: number) =>
  `${servedPath(domid, backend)}/uuid`;

/**
 * A guest's vTPM device, as xl vtpm-attach would make it: one directory that the guest writes and its back end reads, one the
 * other way round, and what libxl needs to take both away with the guest.
 * @param backend domid of the domain that serves the TPM
 */
export function vtpmNodes(
  { domid, uuid }: Pick<BootDomain, 'domid' | 'uuid'>,
  backend: number,
): StoreNode[] {
  const frontend = frontendPath(domid);
  const served = servedPath(domid, backend);
  const guests = { owner: domid, reader: backend };
  return [
    ...servedNodes({ domid, uuid }, backend),
    { path: `${served}/state`, value: INITIALISING, access: { owner: backend, reader: domid } },
    { path: dirname(frontend), value: '', access: 'read' },
    ...below(frontend, guests, {
      backend: served,
      'backend-id': backend,
      state: INITIALISING,
      handle: 0,
    }),
    { path: `/libxl/${domid}/device/vtpm`, value: '', access: 'tools' },
    ...below(`/libxl/${domid}/device/vtpm/0`, 'tools', { frontend, backend: served }),
  ];
}

/** The back end's half of a device, without its state, which is the back end's to say: it may serve the device already. */
export function servedNodes(
  { domid, uuid }: Pick<BootDomain, 'domid' | 'uuid'>,
  backend: number,
): StoreNode[] {
  const backendPath = `/local/domain/${backend}/backend`;
  const forBackend = { owner: 0, reader: backend };
  return [
    { path: backendPath, value: '', access: forBackend },
    { path: `${backendPath}/vtpm`, value: '', access: forBackend },
    { path: `${backendPath}/vtpm/${domid}`, value: '', access: forBackend },
    ...below(
      servedPath(domid, backend),
      { owner: backend, reader: domid },
      {
        frontend: frontendPath(domid),
        'frontend-id': domid,
        online: 1,
        handle: 0,
        uuid,
        resettable: 'False',
      },
    ),
  ];
}

function below(
  path: string,
  access: StoreNode['access'],
  values: Record<string, string | number>,
): StoreNode[] {
  const named = Object.entries(values).map(([name, value]) => ({
    path: `${path}/${name}`,
    value: String(value),
    access,
  }));
  return [{ path, value: '', access }, ...named];
}
