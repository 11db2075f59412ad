"""Questions on whole repositories, asked of codesift in this process, and whether results answer them."""
