"""Parameters and FLOPs of the modules in a layer.

Parameters are those of torch's and fairseq's modules, biases included. FLOPs are forward FLOPs
per token: a multiplication and its addition are two, and biases are left out.
"""

from __future__ import annotations

from spaces.dimensions import MAX_SRC_POSITIONS, Dimensions


def linear_params(n_in: int, n_out: int) -> int:
    """Parameters of a linear map."""
    return n_in * n_out + n_out


def layer_norm_params(dims: Dimensions) -> int:
    """Parameters of one LayerNorm."""
    return 2 * dims.d_model


def attention_params(dims: Dimensions) -> int:
    """Parameters of one attention: query, key, value and output projection."""
    return 4 * linear_params(dims.d_model, dims.d_model)


def length_projection_params(dims: Dimensions) -> int:
    """Parameters of Linformer's projections in one layer; 0 with another attention."""
    attention = dims.attention
    if attention.way != "linformer":
        return 0
    n_projections = 1 if attention.sharing == "all" else 2
    return n_projections * attention.length * MAX_SRC_POSITIONS


def length_projection_flops(dims: Dimensions) -> int:
    """FLOPs of a token's part in the projected keys and values of Linformer."""
    attention = dims.attention
    return 2 * product_flops(attention.length, dims.d_model) if attention.way == "linformer" else 0


def feature_params(dims: Dimensions) -> int:
    """Values of a Performer's random features in one layer; its heads share them."""
    attention = dims.attention
    width = dims.d_model // dims.heads
    return attention.n_features * width if attention.way == "performer" else 0


def feature_flops(dims: Dimensions) -> int:
    """FLOPs of a token's query and key times a Performer's random features, in all heads."""
    attention = dims.attention
    if attention.way != "performer":
        return 0
    return 2 * product_flops(dims.d_model, attention.n_features)


def query_key_params(dims: Dimensions) -> int:
    """Parameters of an attention's query and key projection."""
    return 2 * linear_params(dims.d_model, dims.d_model)


def feed_forward_params(dims: Dimensions) -> int:
    """Parameters of a feed-forward block's two linear maps."""
    return linear_params(dims.d_model, dims.ffn) + linear_params(dims.ffn, dims.d_model)


def gru_params(n_in: int, n_hidden: int) -> int:
    """Parameters of one direction of a GRU: three gates, each from input and state."""
    return 3 * (linear_params(n_in, n_hidden) + linear_params(n_hidden, n_hidden))


def product_flops(n_in: int, n_out: int) -> int:
    """FLOPs of a vector's product with an ``n_in`` x ``n_out`` matrix."""
    return 2 * n_in * n_out


def attention_flops(dims: Dimensions) -> int:
    """FLOPs of an attention's four projections, without its scores."""
    return 4 * product_flops(dims.d_model, dims.d_model)


def query_key_flops(dims: Dimensions) -> int:
    """FLOPs of an attention's query and key projection."""
    return 2 * product_flops(dims.d_model, dims.d_model)


def feed_forward_flops(dims: Dimensions) -> int:
    """FLOPs of a feed-forward block's two linear maps."""
    return 2 * product_flops(dims.d_model, dims.ffn)


def gru_flops(n_in: int, n_hidden: int) -> int:
    """FLOPs of one direction of a GRU: three gates, each from input and state."""
    return 3 * (product_flops(n_in, n_hidden) + product_flops(n_hidden, n_hidden))
