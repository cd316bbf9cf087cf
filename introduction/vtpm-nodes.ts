import type { StoreNode } from './nodes.ts';
import type { BootDomain } from './record.ts';

/** XenbusStateInitialising, xen/io/xenbus.h. */
const INITIALISING = '1';

/**
 * A guest's vTPM device, as xl vtpm-attach would make it: one directory that the guest writes and its back end reads, one the
 * other way round, and what libxl needs to take both away with the guest.
 * @param backend domid of the domain that serves the TPM
 */
export function vtpmNodes({ domid, uuid }: BootDomain, backend: number): StoreNode[] {
  const guestPath = `/local/domain/${domid}/device/vtpm`;
  const backendPath = `/local/domain/${backend}/backend`;
  const frontend = `${guestPath}/0`;
  const served = `${backendPath}/vtpm/${domid}/0`;
  const guests = { owner: domid, reader: backend };
  const backends = { owner: backend, reader: domid };
  const forBackend = { owner: 0, reader: backend };
  return [
    { path: backendPath, value: '', access: forBackend },
    { path: `${backendPath}/vtpm`, value: '', access: forBackend },
    { path: `${backendPath}/vtpm/${domid}`, value: '', access: forBackend },
    ...below(served, backends, {
      frontend,
      'frontend-id': domid,
      online: 1,
      state: INITIALISING,
      handle: 0,
      uuid,
      resettable: 'False',
    }),
    { path: guestPath, value: '', access: 'read' },
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
