// AArch64 Advanced SIMD: sixteen lanes are four registers of thirty-two, so tiles are 6 x 16.
// Every template below is compiled once here; dispatch.h says how a kernel finds its way.

#if defined(__aarch64__)

#include "include/ck_attention.h"
#include "include/ck_elementwise.h"
#include "include/ck_encoder.h"
#include "include/ck_low_rank.h"

#define CK_NAME(name) name##_neon
#define CK_FUSED 1
#define CK_HAS_HALF 1
#define CK_ROWS 6
#define CK_COLUMNS 1

// In the order they need one another.
#include "templates/lanes.h"
#include "templates/cache_elements.h"
#include "templates/attention_cache.h"
#include "templates/attention_product.h"
#include "templates/attention.h"
#include "templates/attention_whole.h"
#include "templates/attention_tile.h"
#include "templates/rmsnorm.h"
#include "templates/rope.h"
#include "templates/activation.h"
#include "templates/softmax.h"
#include "templates/layer_norm.h"
#include "templates/gelu.h"
#include "templates/text_attention.h"
#include "templates/low_rank.h"

#endif
