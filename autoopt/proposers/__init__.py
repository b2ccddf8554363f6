"""Where ideas come from. Import the module you need: each brings its own heavy library."""
