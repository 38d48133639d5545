"""What networks for images ask of their inputs."""

from __future__ import annotations


def check_square(input_shape: tuple[int, ...], multiple: int, name: str) -> None:
    """Refuse inputs that are no square images whose side is a multiple of a number.

    Raises:
        ValueError: They are not.

    Example:
        >>> check_square((16, 16, 3), 4, "CNN5")
    """
    if len(input_shape) != 3 or input_shape[0] != input_shape[1] or input_shape[0] % multiple:
        raise ValueError(
            f"{name} expects square images (size, size, channels) with size a multiple of {multiple}, got "
            f"{input_shape}; use an MLP, or data of images"
        )
