/* What only virtual machines (pvh, hvm) have: hvm/hvm_op.h, hvm/dm_op.h. */
#include "prober.h"
#include <xen/hvm/dm_op.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>

static long get_parameter(uint16_t domid, unsigned long number)
{
    struct xen_hvm_param request = { .domid = domid, .index = number };

    return call(__HYPERVISOR_hvm_op, HVMOP_get_param, &request);
}

static long set_parameter(uint16_t domid, unsigned long number)
{
    struct xen_hvm_param request = { .domid = domid, .index = number, .value = 1 };

    return call(__HYPERVISOR_hvm_op, HVMOP_set_param, &request);
}

static long memory_type(uint16_t domid, unsigned long number)
{
    struct xen_hvm_get_mem_type request = { .domid = domid, .pfn = number };

    return call(__HYPERVISOR_hvm_op, HVMOP_get_mem_type, &request);
}

static long alternative_p2m(uint16_t domid, unsigned long number)
{
    struct xen_hvm_altp2m_op request = { .version = HVMOP_ALTP2M_INTERFACE_VERSION, .cmd = number, .domain = domid };

    return call(__HYPERVISOR_hvm_op, HVMOP_altp2m, &request);
}

/* As a device model would: the number says what. */
static long device_model(uint16_t domid, unsigned long number)
{
    static struct xen_dm_op operation;
    struct xen_dm_op_buf buffer = { .size = sizeof(operation) };

    memset(&operation, 0, sizeof(operation));
    operation.op = number;
    set_xen_guest_handle(buffer.h, &operation);
    return hypercall(__HYPERVISOR_dm_op, domid, 1, (unsigned long)&buffer, 0, 0);
}

const struct attempt virtual_machine_attempts[] = {
    { "get-parameter", get_parameter },
    { "set-parameter", set_parameter },
    { "memory-type", memory_type },
    { "alternative-p2m", alternative_p2m },
    { "device-model", device_model },
    { 0 },
};
