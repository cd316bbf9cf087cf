import type { Meanings } from './meaning.ts';

/** Classes of memory and messages between two domains. */
export const sharingMeanings = {
  mmu: {
    map_read: ['read its memory', 'r', 10],
    map_write: ['write its memory', 'w', 10],
    pageinfo: ['see the kinds of its pages', 'r', 4],
    adjust: ['give it memory and take it away', 'w', 4],
    stat: ['see how much memory it has', 'r', 4],
    updatemp: ['set its map from machine to pseudo-physical frames (pv)', 'w', 4],
    physmap: ['move pages in its map of memory', 'w', 4],
    pinpage: ['pin its page tables (pv)', 'w', 2],
    memorymap: ['read or set the memory map', 'b', 4],
    remote_remap: ['change its page tables', 'w', 10],
    mmuext_op: ['work on its page tables (pv)', 'w', 4],
    exchange: ['exchange pages of its memory for others', 'w', 4],
    target_hack: ['map pages that others own into its page tables', 'b', 10],
  },
  // A grant is made by the owner of the page, without a permission: what is asked for is its use.
  grant: {
    map_read: ['read pages that it grants', 'r', 8],
    map_write: ['write pages that it grants', 'w', 8],
    unmap: ['give back pages that it granted', 'n', 1],
    transfer: ['give it pages of its own for good', 'w', 8],
    setup: ['set up its grant table', 'w', 4],
    copy: ['copy from and to pages that it grants', 'b', 8],
    query: ['see the size of its grant table', 'r', 4],
  },
  // Events have no content. The target is the label of the channel, but for `bind`, where the channel is the source, and for `reset`
  // and the last two (of our series for Xen), where it is the domain that has the channels.
  event: {
    bind: ['end at it', 'w', 2],
    send: ['send events', 'w', 2],
    status: ['see the state of event channels', 'r', 1],
    create: ['make event channels', 'n', 1],
    reset: ['close all its event channels', 'w', 2],
    remote_create: ['make event channels in it', 'w', 1],
    remote_status: ['see the state of its event channels', 'r', 1],
  },
  argo: {
    enable: ['use Argo, which carries messages between domains', 'n', 1],
    register_single_source: ['receive Argo messages from it', 'r', 1],
    register_any_source: ['receive Argo messages from everybody', 'r', 1],
    send: ['send it Argo messages', 'w', 8],
    register_implicit: ['receive Argo messages through links', 'r', 1],
    send_implicit: ['send it Argo messages where a link leads to it', 'w', 8],
    connect: ['join its Argo ports to those of others', 'w', 1],
  },
} satisfies Meanings;
